"""Introspection responses as a JWT (RFC 9701), for callers that accept its media type."""

from typing import Any

from oidcserver.clients.client_jwt import default_signing_algorithm, make_client_jwt
from oidcserver.models import RegisteredClient
from oidcserver.types import Request

TYP = "token-introspection+jwt"
MEDIA_TYPE = f"application/{TYP}"
#: The prefix of the client's members, such as ``introspection_signed_response_alg``.
USE = "introspection"


def is_asked_for(request: Request) -> bool:
    """Whether the caller names the media type, and prefers it or likes it no less (section 4)."""
    if MEDIA_TYPE not in request.environ.get("HTTP_ACCEPT", "").lower():
        return False
    offers = request.accept.acceptable_offers([MEDIA_TYPE, "application/json"])
    return bool(offers) and offers[0][0] == MEDIA_TYPE


def sign_introspection(request: Request, client: RegisteredClient, answer: dict[str, Any]) -> str:
    """Return a response for the client that asked (section 5).

    It has neither ``sub`` nor ``exp``, so that it cannot pass for an access token.

    :param answer: the members of RFC 7662 section 2.2.
    :raises Rejection: if the client has no secret to sign with or no key to encrypt to.
    """
    provider = request.oidc.provider
    claims = {
        "iss": provider.issuer,
        "aud": client.client_id,
        "iat": request.oidc.now,
        "token_introspection": answer,
    }
    default = default_signing_algorithm(provider.settings_for(client))
    return make_client_jwt(request, client, USE, claims, typ=TYP, default=default)
