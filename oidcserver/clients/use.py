"""Note which self-registered clients are in use; pruning removes the others."""

from typing import Any

from oidcserver.models.client import Client, note_use
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.types import Configurator, Request


def note_authorization(
    authorization_request: AuthorizationRequest, parameters: dict[str, Any]
) -> None:
    """Note that a user granted a client an authorization; a rejected request does not count."""
    if authorization_request.authorization is not None:
        assert authorization_request.client is not None
        _note(authorization_request.request, authorization_request.client)


def note_tokens(oauth_request: Any, response: dict[str, Any]) -> None:
    """Note that a client gets tokens."""
    _note(oauth_request.request, oauth_request.client)


def _note(request: Request, client: Client) -> None:
    note_use(request.oidc.database, client.client_id, client.last_used_at)


def includeme(config: Configurator) -> None:
    """Add the stages."""
    config.add_oauth_stage("authorization_response", "client_use", note_authorization)
    config.add_oauth_stage("token_response", "client_use", note_tokens)
