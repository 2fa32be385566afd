"""Issuing: authorizations, and the tokens that rest on them."""

from typing import Any

from oidcserver.credentials import REFRESH_TOKEN, digest, new_credential
from oidcserver.models import Authorization, Client, RefreshToken
from oidcserver.models.authorization import extend_authorization
from oidcserver.models.statements import insert_row
from oidcserver.oauth.subjects import subject_of
from oidcserver.oauth.tokens import issue_access_token

#: By so much more than needed a family is extended, so that one in use is written once a day.
EXTENSION_SECONDS = 86400


def create_authorization(request: Any, client: Client, user: Any, **columns: Any) -> Authorization:
    """Write the root of a new family; it ends when nothing that rests on it can be alive."""
    settings = request.provider.settings
    lifetime = (
        settings["oauth.authorization_code_lifetime"] + settings["oauth.access_token_lifetime"]
    )
    return insert_row(
        request.dbsession,
        Authorization,
        client_id=client.client_id,
        user_id=user.id,
        subject=subject_of(request, client, user),
        expires_at=request.now + lifetime,
        **columns,
    )


def may_refresh(request: Any, client: Client) -> bool:
    """Whether refresh tokens exist here and the client registered for them."""
    return "refresh_token" in request.provider.grant_types and client.check_grant_type(
        "refresh_token"
    )


def issue_refresh_token(request: Any, authorization: Authorization, scope: str) -> str:
    """Write the first refresh token of a family; return it."""
    refresh_token = new_credential(REFRESH_TOKEN)
    lifetime = request.provider.settings["oauth.refresh_token_max_lifetime"]
    store_refresh_token(request, authorization, scope, refresh_token, request.now + lifetime)
    return refresh_token


def store_refresh_token(
    request: Any, authorization: Authorization, scope: str, refresh_token: str, family_end: int
) -> None:
    """Write a refresh token and let its authorization live as long as it.

    :param family_end: when the family ends at the latest, in seconds since the epoch.
    """
    settings = request.provider.settings
    expires_at = min(request.now + settings["oauth.refresh_token_idle_lifetime"], family_end)
    insert_row(
        request.dbsession,
        RefreshToken,
        token_digest=digest(refresh_token),
        authorization_id=authorization.id,
        client_id=authorization.client_id,
        scope=scope,
        expires_at=expires_at,
        family_expires_at=family_end,
    )
    needed = expires_at + settings["oauth.access_token_lifetime"]
    if authorization.expires_at < needed:
        extend_authorization(request.dbsession, authorization.id, needed + EXTENSION_SECONDS)


def token_response(
    request: Any, client: Client, authorization: Authorization | None, scope: str
) -> dict[str, Any]:
    """Return the members of a token response without a refresh token (RFC 6749 section 5.1)."""
    text, token = issue_access_token(request.provider, client, authorization, scope)
    return {
        "access_token": text,
        "token_type": "Bearer",
        "expires_in": token.expires_at - token.issued_at,
        "scope": scope,
    }
