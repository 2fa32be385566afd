"""The revocation endpoint (RFC 7009)."""

from pyramid.response import Response

from oidcserver.interfaces import Step
from oidcserver.models.access_token import REVOKE as REVOKE_ACCESS_TOKEN
from oidcserver.models.access_token import revoked
from oidcserver.models.authorization import REVOKE as REVOKE_AUTHORIZATION
from oidcserver.models.refresh_token import find_refresh_token
from oidcserver.oauth.errors import invalid_grant
from oidcserver.oauth.flow import run
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.steps import (
    announce,
    authenticate_client,
    commit,
    read_parameters,
    reject,
    require_client,
    respond,
    write_response,
)
from oidcserver.oauth.tokens import read_access_token
from oidcserver.types import Configurator, Request


def revocation(request: Request) -> Response:
    """End a token. One that is not known counts as ended (section 2.2)."""
    return run("revocation", OAuthRequest(request), reject)


def find_token(revocation_request: OAuthRequest) -> None:
    """Find the token, and prepare its end, which is announced if it had not ended before.

    With a refresh token all tokens of its authorization end (section 2.1).
    """
    request, outcome = revocation_request.request, revocation_request.outcome
    text = revocation_request.parameter("token", "RFC 7009 section 2.1")
    token = read_access_token(request.oidc.provider, text)
    if token is not None:
        _require_owner(revocation_request, token.client_id)
        values = revoked(token.token_id, token.expires_at)
        outcome.decide(REVOKE_ACCESS_TOKEN, outcome.withdraw_events, **values)
    else:
        found = find_refresh_token(request.oidc.database, text)
        if found is None:
            return
        _require_owner(revocation_request, found.token.client_id)
        outcome.decide(
            REVOKE_AUTHORIZATION,
            outcome.withdraw_events,
            revoked_id=found.authorization.id,
            revoked_now=request.oidc.now,
        )
    outcome.announce("token_revoked", client_id=revocation_request.client.client_id)


def _require_owner(revocation_request: OAuthRequest, client_id: str) -> None:
    if client_id != revocation_request.client.client_id:
        raise invalid_grant("The token was not issued to this client.", "RFC 7009 section 2.1")


STEPS: tuple[Step[OAuthRequest], ...] = (
    Step(read_parameters),
    Step(authenticate_client),
    Step(require_client),  # RFC 7009 section 2.1; a public client names itself
    Step(find_token),
    Step(write_response),
    Step(commit),
    Step(announce),
    Step(respond),
)


def includeme(config: Configurator) -> None:
    """Offer the endpoint."""
    config.add_oauth_flow("revocation", STEPS)
    config.add_oauth_endpoint(
        "revocation", "/oauth/revoke", revocation, cors=True, transaction=False
    )
