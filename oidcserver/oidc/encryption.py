"""Encrypted ID tokens and other responses (OpenID Connect Core sections 10.2 and 16.14)."""

from oidcserver.clients import client_jwt
from oidcserver.clients.client_jwt import encryption_algorithms, encryption_encodings
from oidcserver.keys.jwe import ENCODINGS
from oidcserver.keys.records import ENCRYPTION_ALGORITHMS
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.settings import words
from oidcserver.types import Configurator, Registry

ALGORITHM = "id_token_encrypted_response_alg"
#: RSA-OAEP uses SHA-1, so it is not among the defaults.
DEFAULT_ALGORITHMS = tuple(alg for alg in ENCRYPTION_ALGORITHMS if alg != "RSA-OAEP")


def require_encryption_key(authorization_request: AuthorizationRequest) -> None:
    """Require the client's encryption key before the user is asked anything."""
    assert authorization_request.client is not None
    alg = authorization_request.client.member(ALGORITHM)
    if alg is not None and "id_token" in authorization_request.response_type.split():
        client_jwt.require_encryption_key(
            authorization_request.request, authorization_request.client, alg
        )


def includeme(config: Configurator) -> None:
    """Add the settings and the metadata."""
    setting = config.add_oauth_setting
    setting(
        "oidc.encryption_algs",
        words,
        DEFAULT_ALGORITHMS,
        "The key management algorithms that clients may register for encrypted ID tokens, UserInfo "
        "and other responses.",
        allowed=ENCRYPTION_ALGORITHMS,
    )
    setting(
        "oidc.encryption_encs",
        words,
        ENCODINGS,
        "The content encryption algorithms that clients may register for them.",
        allowed=ENCODINGS,
    )
    config.add_oidc_attribute("client_key_sets", lambda request: {})
    config.add_server_metadata("id_token_encryption_alg_values_supported", encryption_algorithms)
    config.add_server_metadata("id_token_encryption_enc_values_supported", encryption_encodings)
    config.add_startup_check("encryption algorithms", _require_encodings)


def _require_encodings(registry: Registry) -> str | None:
    settings = registry.oidc.provider.settings
    if settings["oidc.encryption_algs"] and not settings["oidc.encryption_encs"]:
        return f"oidc.encryption_encs is empty. It takes some of {', '.join(ENCODINGS)}."
    return None
