"""``id_token_hint``: an ID token of ours that comes back to say who is meant."""

from typing import Any

from joserfc.jwk import OctKey

from oidcserver.keys.jwt import InvalidJWT, verify_client_jwt, verify_own
from oidcserver.models import Client
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import invalid_request
from oidcserver.oauth.registration import read_client_secrets

HINTED = "id_token_hint"


def read_id_token_hint(request: Any, hint: str, client: Client | None) -> dict[str, Any] | None:
    """Return the claims of an ID token that we made, expired or not, or None.

    :param client: the one that the request names; needed for a token under its secret (HS256).
    """
    claims = verify_own(request.provider.keys, hint)
    if claims is None and client is not None:
        claims = _verify_by_secret(request, hint, client)
    if claims is None or claims.get("iss") != request.provider.issuer:
        return None
    wanted = (claims.get("sub"), claims.get("aud"))
    if not all(isinstance(value, str) for value in wanted) or "exp" not in claims:
        return None
    return claims if client is None or claims["aud"] == client.client_id else None


def _verify_by_secret(request: Any, hint: str, client: Client) -> dict[str, Any] | None:
    for secret in read_client_secrets(request.provider, client):
        try:
            return verify_client_jwt(hint, OctKey.import_key(secret), ["HS256"])[1]
        except InvalidJWT:
            continue
    return None


def read_hint(request: AuthorizationRequest) -> None:
    """Accept only an ID token of ours for this client (OpenID Connect Core section 3.1.2.1)."""
    hint = request.data.get("id_token_hint")
    if hint is None:
        return
    claims = read_id_token_hint(request.http_request, hint, request.client)
    if claims is None:
        raise invalid_request(
            "The id_token_hint is not an ID token that was issued to this client.",
            "OpenID Connect Core section 3.1.2.1",
        )
    request.extra[HINTED] = claims["sub"]


def includeme(config: Any) -> None:
    """Register the stage; who else may answer is for ``requested_subject`` to say."""
    config.add_oauth_stage("authorization", "id_token_hint", read_hint, after="prompt")
