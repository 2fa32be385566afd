"""The revocation endpoint (RFC 7009)."""

from typing import Any

from pyramid.response import Response

from oidcserver.endpoints.cors import readable_by_client
from oidcserver.models.access_token import revoke_access_token
from oidcserver.models.authorization import revoke_authorization
from oidcserver.models.refresh_token import find_refresh_token
from oidcserver.oauth.errors import invalid_grant, invalid_request
from oidcserver.oauth.tokens import read_access_token
from oidcserver.types import Configurator, Request


def revocation(request: Request) -> Response:
    """End a token. One that is not known is as good as ended (section 2.2)."""
    server = request.oidc.server
    return readable_by_client(request, server.create_client_response(request, _revoke))


def _revoke(oauth_request: Any) -> tuple[int, dict[str, Any]]:
    request, client = oauth_request.request, oauth_request.client
    text = oauth_request.form.get("token")
    if text is None:
        raise invalid_request("The request has no token.", "RFC 7009 section 2.1")
    token = read_access_token(request.oidc.provider, text)
    if token is not None:
        _demand_owner(token.client_id, client)
        revoke_access_token(request.oidc.database, token.token_id, token.expires_at)
    else:
        found = find_refresh_token(request.oidc.database, text)
        if found is None:
            return 200, {}
        _demand_owner(found.token.client_id, client)
        # With the refresh token goes all that rests on the same authorization (section 2.1).
        revoke_authorization(request.oidc.database, found.authorization.id)
    request.oidc.server.send_signal("token_revoked", client_id=client.client_id)
    return 200, {}


def _demand_owner(client_id: str, client: Any) -> None:
    if client_id != client.client_id:
        raise invalid_grant("The token was not issued to this client.", "RFC 7009 section 2.1")


def includeme(config: Configurator) -> None:
    """Offer the endpoint."""
    config.add_oauth_endpoint(
        "revocation", "/oauth/revoke", revocation, cors=True, transaction=False
    )
