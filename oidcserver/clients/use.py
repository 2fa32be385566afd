"""Records the use of self-registered clients; pruning removes the unused ones."""

from oidcserver.models import RegisteredClient
from oidcserver.models.client import noting_use
from oidcserver.models.client import use as values_of_use
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.outcome import Outcome
from oidcserver.oauth.requests import OAuthRequest


def note_authorization(authorization_request: AuthorizationRequest) -> None:
    """Record that a user granted a client an authorization."""
    assert authorization_request.client is not None
    _note(authorization_request.outcome, authorization_request.client)


def note_tokens(token_request: OAuthRequest) -> None:
    """Record that a client gets tokens."""
    _note(token_request.outcome, token_request.client)


def _note(outcome: Outcome, client: RegisteredClient) -> None:
    values = values_of_use(client.client_id, client.last_used_at)
    if values is not None:
        outcome.also(noting_use, **values)
