"""Requests without a browser of their own, which wait for the decision of a user on a page.

A row keeps the parameters of the request and the place that it came from. The page repeats the
checks of its endpoint, and shows the client, the requested access and the place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from oidcserver.http.throttling import network_of
from oidcserver.interfaces import Scope
from oidcserver.models.consent import grant_consent
from oidcserver.models.live_session import lock_live_session
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.flow import run_steps
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oidc.allowed_groups import may_use
from oidcserver.oidc.interactions import is_incomplete, is_older
from oidcserver.oidc.requested_subject import another_user_needed
from oidcserver.oidc.scopes import describe_claim
from oidcserver.texts import Moment, _
from oidcserver.types import Request
from oidcserver.views.consent import details_of, end_of_access, resources_of
from oidcserver.views.shown import shown_of, single_claims
from oidcserver.views.step_up import step_up_of
from oidcserver.views.user_agents import describe_user_agent


class Pending(Protocol):
    """The row of a request that waits for a user."""

    @property
    def id(self) -> str: ...

    @property
    def client_id(self) -> str: ...

    @property
    def parameters(self) -> Mapping[str, Sequence[str]]: ...

    @property
    def remote_address(self) -> str: ...

    @property
    def user_agent(self) -> str: ...

    @property
    def created_at(self) -> int: ...

    @property
    def expires_at(self) -> int: ...


@dataclass
class PendingRequest(AuthorizationRequest):
    """A request that waits, with its row."""

    row: Pending | None = None

    @property
    def waiting(self) -> Pending:
        """The row."""
        assert self.row is not None
        return self.row

    @property
    def single_claims(self) -> list[str]:
        """The claims that the request names and its scopes do not include."""
        return single_claims(self)


def read_pending(request: Request, row: Pending, flow: str) -> PendingRequest:
    """Return a request that waits, checked again by the steps of a flow.

    :raises OAuth2Error: if the client may not ask for it any more.
    """
    pairs = [(name, value) for name, values in row.parameters.items() for value in values]
    oauth_request = OAuthRequest(request, pairs)
    client = oauth_request.client = request.oidc.server.query_client(row.client_id, renew=False)
    pending = PendingRequest(
        oauth_request,
        client=client,
        response_type="code",
        redeemable_for=row.expires_at - request.oidc.now,
        stored=True,
        row=row,
    )
    run_steps(flow, pending)
    # The row has the scope that was granted to the request: the client may have more by now.
    granted = " ".join(row.parameters.get("scope", ())).split()
    scope = " ".join(name for name in pending.scope.split() if name in granted)
    pending.scope = oauth_request.scope = scope
    return pending


def sign_in_needed(pending: PendingRequest) -> bool:
    """Whether the user has to sign in again, as ``prompt=login`` and ``max_age`` say."""
    session = pending.login_session
    wants_new = "login" in pending.prompt
    if session.auth_time >= pending.waiting.created_at:
        asks = wants_new or pending.max_age is not None
        return asks and is_incomplete(pending.request, session)
    return wants_new or is_older(pending.request, session, pending.max_age)


def obstacle(pending: PendingRequest) -> str | None:
    """Return a sentence that says why this user cannot allow the request, or None."""
    if another_user_needed(pending) is not None:
        return _("The application asks for a different account.")
    client = pending.client
    assert client is not None
    if not may_use(pending.request, client, pending.login_session.user):
        return _("Your account is in none of the groups that may use this application.")
    return None


def described(pending: PendingRequest) -> dict[str, Any]:
    """Return the values that a page shows of the request."""
    request, row, provider = pending.request, pending.waiting, pending.provider
    scopes = [provider.scopes[name] for name in pending.scope.split()]
    claims = [Scope(name, describe_claim(provider, name)) for name in pending.single_claims]
    own = network_of(request.remote_addr or "") == network_of(row.remote_address)
    return {
        "client": pending.client,
        "session": pending.login_session,
        "asked": [*scopes, *claims],
        "resources": resources_of(pending),
        "details": details_of(pending),
        "duration": end_of_access(pending),
        "moment": Moment(row.created_at),
        "minutes": max(0, request.oidc.now - row.created_at) // 60,
        "address": row.remote_address,
        "own_network": own,
        "shown": shown_of(pending),
        "device": describe_user_agent(row.user_agent),
        "obstacle": obstacle(pending),
        "step_up": step_up_of(request, pending.claims_request),
    }


class Overtaken(Rejection):
    """The user signed out or decided elsewhere meanwhile, which the page shows."""


def record_consent(pending: PendingRequest) -> None:
    """Record what the user allowed, so that the account page shows it. It is never remembered.

    :raises Overtaken: if the user has signed out meanwhile.
    """
    if not lock_live_session(pending.request.oidc.dbsession, pending.login_session.id):
        raise Overtaken("login_required", "The End-User has just signed out.")
    grant_consent(
        pending.request.oidc.dbsession,
        pending.login_session.user_id,
        pending.waiting.client_id,
        pending.scope,
        remember=None,
        claims=" ".join(pending.single_claims),
        resources=pending.resources,
    )
