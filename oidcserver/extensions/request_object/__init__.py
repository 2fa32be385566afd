"""Request objects (OpenID Connect Core section 6, RFC 9101): the parameters as a JWT.

They come by value in ``request`` or by reference in ``request_uri``. A parameter that is not
selected is rejected and not ignored, because the client meant to protect the request (section
3.1.2.6).
"""

from collections.abc import Callable
from typing import Any

from oidcserver.extensions.request_object.step import (
    PARAMETERS,
    is_selected,
)
from oidcserver.extensions.request_object.verification import CLAIMS, MAX_LIFETIME
from oidcserver.keys.jwe import ENCODINGS
from oidcserver.keys.jwt import CLIENT_ALGORITHMS
from oidcserver.settings import Settings, boolean, seconds, words
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


def _where_selected(value: Callable[[Settings], Any]) -> Callable[[Provider], Any]:
    """Return a metadata value that exists if a request object may be sent."""
    return lambda provider: value(provider.settings) if _any_selected(provider) else []


def _reject_contradictions(registry: Registry) -> str | None:
    """Reject settings that no client can satisfy."""
    provider = registry.oidc.provider
    selected = set(provider.settings[SIGNING])
    if _any_selected(provider) and not selected:
        return f"{SIGNING} is empty, so every request object would be rejected."
    if provider.settings[REQUIRED] and not (_any_selected(provider) and selected - {"none"}):
        return (
            f"{REQUIRED} requires a signed request object, which no client can send: select "
            f"oidc.request_parameter or oidc.request_uri_parameter, and an algorithm in {SIGNING}."
        )
    return None


def includeme(config: Configurator) -> None:
    """Add the settings and the metadata."""
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
        "The algorithms by which a client may sign its request objects; none: unsigned.",
        allowed=ALGORITHMS,
    )
    setting(
        REQUIRED,
        boolean,
        False,
        "Whether every authorization request has to be a signed request object.",
    )
    setting(
        CLAIMS,
        words,
        (),
        "The claims that every request object must have, such as aud exp nbf.",
        allowed=("iss", "aud", "exp", "nbf", "iat", "jti"),
    )
    setting(
        MAX_LIFETIME,
        seconds,
        0,
        "The longest time from nbf to exp of a request object, and since its nbf; 0: any.",
    )
    metadata = config.add_server_metadata
    for parameter in PARAMETERS:
        # Also if it is false: the default of request_uri is true (Discovery section 3).
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
