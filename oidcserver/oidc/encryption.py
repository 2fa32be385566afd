"""Encrypted ID tokens and UserInfo responses (OpenID Connect Core sections 10.2 and 16.14)."""

from oidcserver.keys.jwe import ENCODINGS
from oidcserver.keys.records import ENCRYPTION_ALGORITHMS
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oidc import client_jwt
from oidcserver.settings import words
from oidcserver.types import Configurator, Provider, Registry

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


def encryption_algorithms(provider: Provider) -> tuple[str, ...]:
    """Return the ``alg`` values for responses to clients."""
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
        "The key management algorithms that clients may register for encrypted ID tokens and "
        "UserInfo.",
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
