"""Prepares authorizations and the tokens that belong to them."""

from typing import Any

from oidcserver.credentials import REFRESH_TOKEN, new_credential
from oidcserver.database import NewRow
from oidcserver.models import Authorization, RegisteredClient
from oidcserver.models.authorization import revoke_authorization
from oidcserver.models.refresh_token import new_refresh_token
from oidcserver.oauth.errors import Rejection, invalid_grant
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.scopes import scope_for
from oidcserver.oauth.subjects import subject_of
from oidcserver.oauth.tokens import issue_access_token
from oidcserver.types import Request


def new_authorization(
    request: Request,
    client: RegisteredClient,
    user: Any,
    *,
    redeemable_for: int | None = None,
    **columns: Any,
) -> NewRow:
    """Return a new authorization, the root of a token family; it expires after its tokens.

    :param redeemable_for: seconds until the client gets its tokens at the latest; by default the
        lifetime of a code.
    :raises Rejection: ``invalid_grant`` if the account of the user is disabled.
    """
    if not user.may_sign_in:
        raise invalid_grant("The account of the End-User is disabled.")
    provider = request.oidc.provider
    if redeemable_for is None:
        redeemable_for = provider.settings["oauth.authorization_code_lifetime"]
    lifetime = redeemable_for + provider.longest_access_token_lifetime
    return NewRow(
        Authorization,
        client_id=client.client_id,
        user_id=user.id,
        subject=subject_of(request, client, user),
        expires_at=request.oidc.now + lifetime,
        **columns,
    )


def may_be_redirected_to(request: Request, client: RegisteredClient, redirect_uri: str) -> bool:
    """Whether the client registered a redirect URI; by the settings its port may differ."""
    any_port = request.oidc.provider.settings_for(client)["oauth.localhost_any_port"]
    return client.check_redirect_uri(redirect_uri, localhost_any_port=any_port)


def still_allowed(request: Request, client: RegisteredClient, scope: str) -> str:
    """Return the granted scopes that are still selected and still registered by the client.

    Both may have changed since the grant, so scopes are checked at each use.
    """
    known, registered = request.oidc.provider.scopes, client.scopes
    return " ".join(word for word in scope.split() if word in registered and word in known)


def prepare_refresh_token(
    oauth_request: OAuthRequest, scope: str, family_end: int | None = None
) -> tuple[str, dict[str, Any]]:
    """Return a new refresh token, and the values of ``inserting(RefreshToken), extending``.

    The token of a public client is bound to the key of the request (RFC 9449 section 5): a
    confidential client authenticates, and may have another key by then.

    :param family_end: when the family ends at the latest, in seconds since the epoch; by default
        a new one begins.
    """
    request, client = oauth_request.request, oauth_request.client
    settings = request.oidc.provider.settings
    if family_end is None:
        family_end = request.oidc.now + settings["oauth.refresh_token_max_lifetime"]
    expires_at = min(request.oidc.now + settings["oauth.refresh_token_idle_lifetime"], family_end)
    refresh_token = new_credential(REFRESH_TOKEN)
    return refresh_token, new_refresh_token(
        refresh_token,
        oauth_request.authorization,
        scope=scope,
        confirmation=oauth_request.confirmation if client.is_public else None,
        expires_at=expires_at,
        family_expires_at=family_end,
        lives_until=expires_at + oauth_request.provider.longest_access_token_lifetime,
    )


def end_family(oauth_request: OAuthRequest, authorization_id: str, event: str) -> None:
    """End the token family of an authorization if the request is rejected, and announce it."""
    request, outcome = oauth_request.request, oauth_request.outcome
    outcome.if_rejected(revoke_authorization, request.oidc.database, authorization_id)
    outcome.announce_rejection(
        event, client_id=oauth_request.client.client_id, authorization_id=authorization_id
    )


def announce_token(oauth_request: OAuthRequest, scope: str | None) -> None:
    """Announce a token once the request is committed."""
    authorization = oauth_request.authorization
    oauth_request.outcome.announce(
        "token_issued",
        client_id=oauth_request.client.client_id,
        user_id=authorization.user_id if authorization else None,
        grant_type=oauth_request.payload.grant_type,
        scope=scope,
    )


def token_response(oauth_request: OAuthRequest, scope: str) -> dict[str, Any]:
    """Return the members of a token response without a refresh token (RFC 6749 section 5.1).

    The token is for the client, the authorization and the audience of the request, and bound to its
    key. A client without any scope gets a token without one: no scope is empty (section 3.3).

    :raises Rejection: ``invalid_scope`` if the audience has none of the scopes.
    """
    scope = narrow_to_audience(oauth_request, scope)
    user, claims = oauth_request.user, None
    if user is not None:
        claims = oauth_request.request.oidc.access_token_claims(user, scope.split())
    text, token = issue_access_token(
        oauth_request.provider,
        oauth_request.client,
        oauth_request.authorization,
        scope,
        audience=oauth_request.audience,
        confirmation=oauth_request.confirmation,
        authorization_details=oauth_request.authorization_details or None,
        actor=oauth_request.actor,
        claims=claims,
        latest_end=oauth_request.latest_end,
    )
    response: dict[str, Any] = {
        "access_token": text,
        "token_type": token.token_type,
        "expires_in": token.expires_at - token.issued_at,
    }
    if scope:
        response["scope"] = scope
    if token.authorization_details:
        response["authorization_details"] = token.authorization_details  # RFC 9396 section 7
    return response


def narrow_to_audience(oauth_request: OAuthRequest, scope: str) -> str:
    """Return the scopes that exist for the audience of the request (RFC 8707 section 3).

    :raises Rejection: ``invalid_scope`` if there is none of them.
    """
    narrowed = scope_for(oauth_request.provider, oauth_request.audience, scope)
    if scope and not narrowed:
        raise Rejection(
            "invalid_scope",
            "The scopes are of other resources: name one of those as resource.",
            rule="RFC 8707 section 3",
            received={"scope": scope, "audience": list(oauth_request.audience)},
        )
    return narrowed
