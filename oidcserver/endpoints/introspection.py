"""The introspection endpoint (RFC 7662)."""

from collections.abc import Collection
from typing import Any

from pyramid.response import Response

from oidcserver.models import Client, UserRecord
from oidcserver.models.refresh_token import find_refresh_token
from oidcserver.oauth.errors import invalid_client, invalid_request
from oidcserver.oauth.issuing import still_allowed
from oidcserver.oauth.refreshing import reason_of_end
from oidcserver.oauth.tokens import find_access_token
from oidcserver.types import Configurator, Request

INACTIVE: dict[str, Any] = {"active": False}


def introspection(request: Request) -> Response:
    """Say what a token allows, to those it concerns."""
    response: Response = request.oidc.server.create_client_response(request, _introspect)
    return response


def _introspect(oauth_request: Any) -> tuple[int, dict[str, Any]]:
    request, client = oauth_request.request, oauth_request.client
    if oauth_request.auth_method == "none":
        raise invalid_client()  # RFC 7662 section 2.1: the caller is authenticated
    text = oauth_request.form.get("token")
    if text is None:
        raise invalid_request("The request has no token.", "RFC 7662 section 2.1")
    return 200, _access_token(request, client, text) or _refresh_token(request, client, text)


def _access_token(request: Request, client: Client, text: str) -> dict[str, Any] | None:
    token = find_access_token(request, text)
    if token is None:
        return None
    concerned = {token.client_id, *token.audience}
    if client.client_id not in concerned and not client.resource_server:
        return INACTIVE  # section 4: no more than that
    user = token.bearer.user if token.bearer else None
    members: dict[str, Any] = {
        "active": True,
        "token_type": "Bearer",
        "client_id": token.client_id,
        "sub": token.subject,
        "scope": token.scope or None,
        "aud": token.audience[0] if len(token.audience) == 1 else list(token.audience),
        "iss": request.oidc.provider.issuer,
        "iat": token.issued_at,
        "exp": token.expires_at,
        "jti": token.token_id,
        "username": _username(client, user, token.scopes, token.audience),
        "cnf": token.confirmation,
    }
    return {name: value for name, value in members.items() if value is not None}


def _refresh_token(request: Request, client: Client, text: str) -> dict[str, Any]:
    found = find_refresh_token(request.oidc.database, text)
    if found is None or found.token.client_id != client.client_id:
        return INACTIVE
    row, authorization, user, _, _ = found
    scope = still_allowed(request, client, row.scope)
    if row.used_at is not None or reason_of_end(request, client, found, scope) is not None:
        return INACTIVE
    members: dict[str, Any] = {
        "active": True,
        "client_id": row.client_id,
        "sub": authorization.subject,
        "username": _username(client, user, scope.split()),
        "scope": scope or None,
        "iss": request.oidc.provider.issuer,
        "iat": row.issued_at,
        "exp": row.expires_at,
    }
    return {name: value for name, value in members.items() if value is not None}


def _username(
    client: Client, user: UserRecord | None, scopes: Collection[str], audience: Collection[str] = ()
) -> str | None:
    """Return the user name for a resource server, or for a client that may read the profile.

    Any other client could use it to find out which users it shares with others, which pairwise
    subjects prevent (OpenID Connect Core section 8.1).
    """
    is_resource = client.resource_server or client.client_id in audience
    if user is None or not (is_resource or "profile" in scopes):
        return None
    return user.username


def includeme(config: Configurator) -> None:
    """Offer the endpoint."""
    config.add_oauth_endpoint(
        "introspection", "/oauth/introspect", introspection, transaction=False
    )
