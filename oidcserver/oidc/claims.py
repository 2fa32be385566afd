"""Claims about a person (OpenID Connect Core section 5)."""

from collections.abc import Iterable
from typing import Any


def scope_claims(request: Any, user: Any, scopes: Iterable[str]) -> dict[str, Any]:
    """Return the known claims that the scopes ask for (OpenID Connect Core section 5.4).

    Claims without a value are left out, never null or empty (section 5.3.2).
    """
    known = request.provider.user_directory.claims(request, user)
    offered = request.provider.scopes
    names = (name for scope in scopes if scope in offered for name in offered[scope].claims)
    return {name: known[name] for name in names if known.get(name) not in (None, "", {}, [])}


def claims_supported(provider: Any) -> list[str]:
    """Return every claim that the selected scopes can return, and those of the protocol."""
    protocol = ("sub", "iss", "auth_time", "acr")
    return [*protocol, *(name for scope in provider.scopes.values() for name in scope.claims)]


def includeme(config: Any) -> None:
    """Promise the claims."""
    config.add_server_metadata("claims_supported", claims_supported)
    config.add_server_metadata("claim_types_supported", ["normal"])
    config.add_server_metadata("claims_parameter_supported", False)
