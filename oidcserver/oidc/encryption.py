"""Encrypted ID tokens and UserInfo responses (OpenID Connect Core sections 10.2 and 16.14)."""

from oidcserver.keys.jwe import ENCODINGS
from oidcserver.keys.records import ENCRYPTION_ALGORITHMS
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oidc.client_jwt import demand_encryption_key
from oidcserver.settings import words
from oidcserver.types import Configurator, Provider, Registry

ALGORITHM = "id_token_encrypted_response_alg"
#: RSA-OAEP by itself stands for SHA-1, which is nobody's first choice any more.
DEFAULT_ALGORITHMS = tuple(alg for alg in ENCRYPTION_ALGORITHMS if alg != "RSA-OAEP")


def require_encryption_key(authorization_request: AuthorizationRequest) -> None:
    """Have the client's key before the person is asked anything."""
    assert authorization_request.client is not None
    alg = authorization_request.client.member(ALGORITHM)
    if alg is not None and "id_token" in authorization_request.response_type.split():
        demand_encryption_key(authorization_request.request, authorization_request.client, alg)


def encryption_algorithms(provider: Provider) -> tuple[str, ...]:
    """Return the ``alg`` values by which something is encrypted for a client."""
    algorithms: tuple[str, ...] = provider.settings["oidc.encryption_algs"]
    return algorithms


def encryption_encodings(provider: Provider) -> tuple[str, ...]:
    """Return the ``enc`` values that go with :func:`encryption_algorithms`."""
    encodings: tuple[str, ...] = provider.settings["oidc.encryption_encs"]
    return encodings if encryption_algorithms(provider) else ()


def includeme(config: Configurator) -> None:
    """Add the settings and the metadata."""
    setting = config.add_oauth_setting
    setting(
        "oidc.encryption_algs",
        words,
        DEFAULT_ALGORITHMS,
        "The algorithms by which ID tokens and UserInfo are encrypted for who registers one.",
        allowed=ENCRYPTION_ALGORITHMS,
    )
    setting(
        "oidc.encryption_encs",
        words,
        ENCODINGS,
        "The algorithms by which the content of those is encrypted.",
        allowed=ENCODINGS,
    )
    config.add_oidc_attribute("client_key_sets", lambda request: {})
    config.add_server_metadata("id_token_encryption_alg_values_supported", encryption_algorithms)
    config.add_server_metadata("id_token_encryption_enc_values_supported", encryption_encodings)
    config.add_startup_check("encryption algorithms", _demand_algorithms)


def _demand_algorithms(registry: Registry) -> str | None:
    settings = registry.oidc.provider.settings
    if settings["oidc.encryption_algs"] and not settings["oidc.encryption_encs"]:
        return f"oidc.encryption_encs is empty: it takes some of {', '.join(ENCODINGS)}."
    return None
