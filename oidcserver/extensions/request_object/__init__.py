"""Request objects (OpenID Connect Core section 6, RFC 9101): the parameters as a JWT.

By value in ``request``, by reference in ``request_uri``; each is refused by name where it is not
selected, instead of ignoring what the client meant to protect (section 3.1.2.6).
"""

from collections.abc import Callable
from typing import Any

from oidcserver.extensions.request_object.step import (
    PARAMETERS,
    is_selected,
)
from oidcserver.keys.jwe import ENCODINGS
from oidcserver.keys.jwt import CLIENT_ALGORITHMS
from oidcserver.settings import Settings, boolean, words
from oidcserver.types import Configurator, Provider, Registry

ALGORITHMS = (*CLIENT_ALGORITHMS, "none")
SIGNING = "oauth.request_object_signing_algs"
REQUIRED = "oauth.require_signed_request_object"


def _any_selected(provider: Provider) -> bool:
    return any(is_selected(provider, parameter) for parameter in PARAMETERS)


def _registration_required(provider: Provider) -> bool | None:
    if not is_selected(provider, "request_uri"):
        return None
    return bool(provider.settings["oidc.require_request_uri_registration"])


def _encodings(settings: Settings) -> list[str]:
    return list(ENCODINGS) if settings["oidc.decryption_algs"] else []


def _where_selected(value: Callable[[Settings], Any]) -> Callable[[Any], Any]:
    """Return a metadata value that is there where a request object may be sent."""
    return lambda provider: value(provider.settings) if _any_selected(provider) else []


def _reject_contradictions(registry: Registry) -> str | None:
    """Reject a requirement that no client can meet."""
    provider = registry.oidc.provider
    selected = set(provider.settings[SIGNING])
    if _any_selected(provider) and not selected:
        return f"{SIGNING} is empty, so that every request object would be refused."
    if provider.settings[REQUIRED] and not (_any_selected(provider) and selected - {"none"}):
        return (
            f"{REQUIRED} demands what no client can send: select oidc.request_parameter or "
            f"oidc.request_uri_parameter, and an algorithm in {SIGNING}."
        )
    return None


def includeme(config: Configurator) -> None:
    """Register the stage, its settings and what they promise."""
    setting = config.add_oauth_setting
    setting("oidc.request_parameter", boolean, False,
            "Whether a request object may be sent by value.")  # fmt: skip
    setting("oidc.request_uri_parameter", boolean, False,
            "Whether a request object may be fetched from the client.")  # fmt: skip
    setting(
        "oidc.require_request_uri_registration",
        boolean,
        True,
        "Whether only a registered request_uri is fetched.",
    )
    setting(
        SIGNING,
        words,
        CLIENT_ALGORITHMS,
        "The algorithms by which a client may sign its request objects; none: it need not.",
        allowed=ALGORITHMS,
    )
    setting(
        REQUIRED,
        boolean,
        False,
        "Whether every authorization request has to be a signed request object.",
    )
    metadata = config.add_server_metadata
    for parameter in PARAMETERS:
        # Said also where it is not: request_uri counts as supported else (Discovery section 3).
        metadata(f"{parameter}_parameter_supported", lambda it, p=parameter: is_selected(it, p))
    metadata("require_request_uri_registration", _registration_required)
    for field, value in (
        ("request_object_signing_alg_values_supported", lambda it: list(it[SIGNING])),
        (
            "request_object_encryption_alg_values_supported",
            lambda it: list(it["oidc.decryption_algs"]),
        ),
        ("request_object_encryption_enc_values_supported", _encodings),
        ("require_signed_request_object", lambda it: it[REQUIRED]),
    ):
        metadata(field, _where_selected(value))
    config.add_startup_check("request objects", _reject_contradictions)
