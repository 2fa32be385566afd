"""The end of a session at an upstream, of which the upstream tells us (OpenID Connect Back-Channel
Logout 1.0 section 2.5).

The URL exists where an upstream has ``backchannel_logout``, and no setting selects it.
"""

import logging
from dataclasses import dataclass, field

from pyramid.httpexceptions import HTTPNotFound
from pyramid.response import Response

from oidcserver.accounts.upstreams.hosts import UpstreamFailed
from oidcserver.accounts.upstreams.logout_tokens import (
    EndOfSession,
    read_logout_token,
    use_logout_token,
)
from oidcserver.interfaces import Step
from oidcserver.interfaces.upstream import Upstream
from oidcserver.models.upstream_end import latest_end
from oidcserver.models.upstream_session import sessions_of_upstream
from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.oauth.flow import run
from oidcserver.oauth.outcome import Outcome
from oidcserver.oauth.rejections import record_rejection
from oidcserver.oauth.requests import Payload, read_form
from oidcserver.oauth.responses import NO_STORE, error_response
from oidcserver.oauth.steps import announce, commit
from oidcserver.plugins.selection import UPSTREAM_LOGOUT
from oidcserver.sessions.ending import end_login_session
from oidcserver.types import Configurator, Registry, Request

RULE = "OpenID Connect Back-Channel Logout 1.0 section 2.6"

log = logging.getLogger(__name__)


@dataclass(slots=True)
class UpstreamLogoutRequest:
    """A logout token of an upstream, and what the steps found out about it."""

    request: Request
    upstream: Upstream
    outcome: Outcome = field(default_factory=Outcome)
    token: str = ""
    end: EndOfSession | None = None


def upstream_logout(request: Request) -> Response:
    """End the sessions that came of the session there."""
    upstream = request.oidc.provider.upstreams.get(request.matchdict["upstream"])
    if upstream is None or not upstream.backchannel_logout:
        raise HTTPNotFound()
    return run(UPSTREAM_LOGOUT, UpstreamLogoutRequest(request, upstream), reject)


def reject(logout_request: UpstreamLogoutRequest, rejection: Rejection) -> Response:
    """Record the rejection and return it as JSON (section 2.8)."""
    reference = record_rejection(logout_request.request, rejection, None)
    return error_response(rejection, reference)


def read_parameters(logout_request: UpstreamLogoutRequest) -> None:
    """Read the form."""
    payload = Payload(read_form(logout_request.request))
    payload.reject_duplicates()
    token = payload.data.get("logout_token")
    if token is None:
        raise invalid_request("The request has no logout_token.", RULE)
    logout_request.token = token


def verify_token(logout_request: UpstreamLogoutRequest) -> None:
    """Verify the logout token."""
    request, upstream = logout_request.request, logout_request.upstream
    try:
        logout_request.end = read_logout_token(request, upstream, logout_request.token)
    except UpstreamFailed as problem:
        log.warning(
            "A logout token of the upstream %s was rejected. %s", upstream.name, problem.reason
        )
        raise invalid_request("The logout token is not accepted.", RULE) from None


def prepare_end(logout_request: UpstreamLogoutRequest) -> None:
    """Let the commit use the token up and end the sessions."""
    logout_request.outcome.first(_end, logout_request)


def _end(logout_request: UpstreamLogoutRequest) -> None:
    request, end = logout_request.request, logout_request.end
    assert end is not None
    if not use_logout_token(request, end):
        raise invalid_request("The logout token was used before.", RULE)
    dbsession, name = request.oidc.dbsession, end.upstream.name
    kind, of = ("sid", end.sid) if end.sid is not None else ("sub", end.subject)
    assert of is not None
    # For a sign-in that is under way; one that is being written is committed before.
    latest_end(dbsession, name, end.issuer, kind, of, end.issued_at)
    sessions = sessions_of_upstream(dbsession, name, end.issuer, subject=end.subject, sid=end.sid)
    for session in sessions:
        end_login_session(request, session)


def respond(logout_request: UpstreamLogoutRequest) -> Response:
    """Say that it is done, also if there was no such session (section 2.8)."""
    return Response(status=200, headerlist=list(NO_STORE))


STEPS: tuple[Step[UpstreamLogoutRequest], ...] = (
    Step(read_parameters),  # section 2.5
    Step(verify_token),  # section 2.6
    Step(prepare_end),
    Step(commit),  # the token, the sessions with their tokens, and the messages to their clients
    Step(announce),  # events of inserted steps; those of the sessions follow their commit
    Step(respond),
)


def _require_upstream(registry: Registry) -> str | None:
    """Require that an upstream selects the endpoint, since no setting does."""
    if UPSTREAM_LOGOUT in registry.oidc.provider.settings["oauth.endpoints"]:
        return (
            f"oauth.endpoints names {UPSTREAM_LOGOUT}, which an upstream selects by "
            "backchannel_logout: remove it."
        )
    return None


def includeme(config: Configurator) -> None:
    """Offer the endpoint, which an upstream selects."""
    config.add_startup_check("upstream logout", _require_upstream)
    config.add_oauth_flow(UPSTREAM_LOGOUT, STEPS)
    config.add_oauth_endpoint(
        UPSTREAM_LOGOUT,
        "/login/upstream/{upstream}/backchannel-logout",
        upstream_logout,
        transaction=False,
        metadata_field=None,
    )
