"""Note which self-registered clients are in use; pruning removes the others."""

from typing import Any

from oidcserver.models.client import Client, note_use
from oidcserver.oauth.authorization_request import AuthorizationRequest


def note_authorization(request: AuthorizationRequest, parameters: dict[str, Any]) -> None:
    """Note that a user granted a client an authorization; a rejected request does not count."""
    if request.authorization is not None:
        assert request.client is not None
        _note(request.http_request, request.client)


def note_tokens(oauth_request: Any, response: dict[str, Any]) -> None:
    """Note that a client gets tokens."""
    _note(oauth_request.http_request, oauth_request.client)


def _note(request: Any, client: Client) -> None:
    if client.last_used_at is not None:
        note_use(request.dbsession, client.client_id, client.last_used_at)


def includeme(config: Any) -> None:
    """Add the stages."""
    config.add_oauth_stage("authorization_response", "client_use", note_authorization)
    config.add_oauth_stage("token_response", "client_use", note_tokens)
