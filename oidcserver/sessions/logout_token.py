"""The logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4)."""

from oidcserver import clock
from oidcserver.clients.client_jwt import UNSIGNED, protect, signing_algorithms
from oidcserver.clients.keys import client_keys
from oidcserver.credentials import new_identifier
from oidcserver.keys.jwk_set import encryption_key
from oidcserver.models import LogoutDelivery, RegisteredClient
from oidcserver.oauth.subjects import sid_of
from oidcserver.types import Registry

#: The identifier of the event (section 2.4).
EVENT = "http://schemas.openid.net/event/backchannel-logout"
#: Seconds (section 2.4 advises two minutes at most).
LIFETIME = 120
DEFAULT_ALGORITHM = "RS256"


def make_logout_token(
    registry: Registry, client: RegisteredClient, delivery: LogoutDelivery
) -> str:
    """Return a logout token, signed and encrypted like the client's ID tokens.

    A client with unsigned ID tokens gets a signed logout token (section 2.4).

    :raises Rejection: if the client has no secret to sign with.
    :raises ValueError: if the client has no key to encrypt to.
    :raises oidcserver.keys.jwt.InvalidJWT: if the client's keys cannot be fetched.
    """
    provider, now = registry.oidc.provider, clock.now()
    algorithm = client.member("id_token_signed_response_alg")
    if algorithm == UNSIGNED:
        available = signing_algorithms(provider)
        algorithm = DEFAULT_ALGORITHM if DEFAULT_ALGORITHM in available else available[0]
    claims = {
        "iss": provider.issuer,
        "aud": client.client_id,
        "iat": now,
        "exp": now + LIFETIME,
        "jti": new_identifier(),
        "events": {EVENT: {}},
        "sub": delivery.subject,
        "sid": sid_of(client.client_id, delivery.session_id),
    }
    key = None
    if alg := client.member("id_token_encrypted_response_alg"):
        key = encryption_key(client_keys(registry, client), alg)
        if key is None:
            raise ValueError(f"the client has no key to encrypt to by {alg}")
    return protect(
        provider, client, "id_token", claims, algorithm=algorithm, key=key, typ="logout+jwt"
    )
