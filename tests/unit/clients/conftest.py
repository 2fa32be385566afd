"""A provider of which registration asks what it selected."""

from types import SimpleNamespace
from typing import Any

import pytest

from oidcserver.catalog import Catalog
from oidcserver.http.addresses import Reachable

GRANT_TYPES = ("authorization_code", "implicit", "client_credentials", "password", "refresh_token")
METHODS = {
    "client_secret_basic": SimpleNamespace(),
    "client_secret_jwt": SimpleNamespace(algorithms=("HS256", "HS512")),
    "private_key_jwt": SimpleNamespace(algorithms=("RS256", "ES256")),
    "none": SimpleNamespace(),
}
PROMISES = {
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256"],
    "token_endpoint_auth_signing_alg_values_supported": ["HS256", "HS512", "RS256", "ES256"],
}


def make(mode: str = "production", **selected: Any) -> Any:
    """Return what registration reads of a provider."""
    promises = {**PROMISES, **selected.pop("promises", {})}
    values = {
        "catalog": Catalog(),
        "settings": {
            "oidcserver.mode": mode,
            "oauth.pkce_exemptions": True,
            "oauth.sender_constraints": (),
            "oauth.private_use_schemes": ("example-ide",),
            "oauth.outbound_allow": Reachable(),
            "oauth.outbound_allow_loopback": None,
        },
        "grant_types": dict.fromkeys(GRANT_TYPES),
        "response_types": frozenset({"code", "id_token", "id_token token", "code id_token"}),
        "scopes": dict.fromkeys(("openid", "profile")),
        "client_authentication_methods": METHODS,
        "metadata": {name: lambda provider, v=value: v for name, value in promises.items()},
        **selected,
    }
    return SimpleNamespace(**values)


@pytest.fixture(scope="session")
def make_selection() -> Any:
    """Return the function that makes a provider with a selection of its own."""
    return make


@pytest.fixture(scope="session")
def production() -> Any:
    """A provider in production."""
    return make()


@pytest.fixture(scope="session")
def development() -> Any:
    """A provider in development."""
    return make("development")
