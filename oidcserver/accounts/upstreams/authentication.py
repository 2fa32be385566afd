"""How we authenticate at an upstream (OpenID Connect Core section 9)."""

import secrets
from base64 import b64encode
from urllib.parse import quote_plus

from oidcserver.interfaces.upstream import Upstream
from oidcserver.keys.jwt import sign
from oidcserver.types import Provider

#: Seconds that a client assertion lives.
ASSERTION_LIFETIME = 60
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def authenticate(
    provider: Provider, upstream: Upstream, now: int, form: dict[str, str]
) -> dict[str, str]:
    """Return header fields that authenticate us, or add to the form."""
    method, secret = upstream.token_endpoint_auth_method, upstream.client_secret
    if method == "client_secret_basic":
        pair = f"{quote_plus(upstream.client_id)}:{quote_plus(secret)}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
    form["client_id"] = upstream.client_id
    if method == "client_secret_post":
        form["client_secret"] = secret
    elif method == "private_key_jwt":
        claims = {
            "iss": upstream.client_id,
            "sub": upstream.client_id,
            "aud": upstream.issuer,
            "jti": secrets.token_urlsafe(24),
            "iat": now,
            "exp": now + ASSERTION_LIFETIME,
        }
        alg = provider.settings["oidc.signing_algs"][0]
        form["client_assertion_type"] = ASSERTION_TYPE
        form["client_assertion"] = sign(provider.keys, alg, claims)
    return {}
