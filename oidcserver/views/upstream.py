"""Signing in at another OpenID Provider: the way there, and the way back.

Every failure there redirects to the login page, which keeps the application's request.
"""

import logging
from typing import Any

from authlib.oauth2 import OAuth2Error
from pyramid.httpexceptions import HTTPNotFound
from pyramid.response import Response

from oidcserver.accounts.upstreams.exchange import (
    ROUTE,
    Identity,
    Sent,
    begin,
    read_code,
    redeem,
    take_up,
)
from oidcserver.accounts.upstreams.hosts import UpstreamFailed
from oidcserver.accounts.upstreams.linking import (
    NoAccount,
    account_of_identity,
    link_identity,
    may_link,
)
from oidcserver.accounts.upstreams.logout import has_ended_there, note_sign_in
from oidcserver.interfaces.authentication import UPSTREAM
from oidcserver.interfaces.upstream import Upstream
from oidcserver.oauth.authorization_request import (
    AuthorizationRequest,
    count_unfinished,
    discount_finished,
)
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.oauth.responses import see_other
from oidcserver.texts import _
from oidcserver.types import Configurator, Request
from oidcserver.views.access import with_query
from oidcserver.views.second_factor import after_first_factor
from oidcserver.views.suspended import read_request, reject

log = logging.getLogger(__name__)

START = "oidc.upstream"
LINKS = "oidc.upstream_links"

#: Messages of the login page, by the value of ``notice`` in its query.
PROBLEMS = {
    "upstream": _("Signing in there failed. Try again, or sign in another way."),
    "upstream_known": _(
        "There is already an account with your address. Sign in to it another way; you can "
        "then connect the two on the account page."
    ),
    "upstream_unknown": _(
        "That account is not connected to an account here. Sign in another way if you have one."
    ),
}


def start_url(request: Request, upstream: Upstream) -> str:
    """Return the URL to which the button of an upstream sends its form."""
    own = [(name, value) for name, value in request.GET.items() if name != "notice"]
    return request.oidc.url(START, upstream=upstream.name, _query=own)


def _upstream(request: Request) -> Upstream:
    upstream = request.oidc.provider.upstreams.get(request.matchdict["upstream"])
    if upstream is None:
        raise HTTPNotFound()
    return upstream


def start(request: Request) -> Response:
    """Send the browser to the upstream."""
    upstream = _upstream(request)
    try:
        max_age = _max_age(request, read_request(request))
    except OAuth2Error as error:
        return reject(request, error)
    return _leave(request, upstream, "oidc.login", max_age=max_age)


def _max_age(request: Request, asking: AuthorizationRequest | None) -> int | None:
    """Return how long ago the user may have signed in at the upstream; None: any time."""
    if asking is None:
        return 0 if "again" in request.GET else None
    return 0 if "login" in asking.prompt else asking.max_age


def start_linking(request: Request, upstream: Upstream, session_id: str) -> Response:
    """Send the browser to the upstream, to link its user to the account of a session."""
    return _leave(request, upstream, LINKS, session_id=session_id)


def _leave(request: Request, upstream: Upstream, page: str, **begun: Any) -> Response:
    """Count the visit to the upstream, store what its answer is compared with, and go there.

    No transaction is open while the provider waits for a host.
    """
    count_unfinished(request)
    request.oidc.database.commit()
    try:
        metadata = request.registry.oidc.upstream_hosts.metadata(upstream)
    except UpstreamFailed as problem:
        return _failed(request, upstream, problem, page)
    return see_other(begin(request, upstream, metadata, **begun))


def come_back(request: Request) -> Response:
    """Check the answer of the upstream; sign its user in, or link it."""
    upstream = _upstream(request)
    sent = take_up(request, upstream)
    page = "oidc.login" if sent is None or sent.session_id is None else LINKS
    hosts = request.registry.oidc.upstream_hosts
    # The answer is used up, whatever follows; and no transaction is open while we wait for a host.
    request.oidc.database.commit()
    try:
        if sent is None:
            raise UpstreamFailed("The answer belongs to no request of this browser.", by_user=True)
        metadata = hosts.metadata(upstream)
        code = read_code(request, upstream, metadata)
        identity = redeem(request, upstream, metadata, sent, code)
    except UpstreamFailed as problem:
        _go_back_to(request, sent)
        return _failed(request, upstream, problem, page)
    _go_back_to(request, sent)
    if sent.session_id is not None:
        return _link(request, sent.session_id, identity)
    if has_ended_there(request, identity):
        ended = UpstreamFailed("The session there has ended meanwhile.", by_user=True)
        return _failed(request, upstream, ended)
    return _sign_in(request, identity)


def _go_back_to(request: Request, sent: Sent | None) -> None:
    """Give the request the query of the page where the user began, in place of the answer's."""
    request.environ["QUERY_STRING"] = sent.onward if sent is not None else ""


def _sign_in(request: Request, identity: Identity) -> Response:
    try:
        asking = read_request(request)
    except OAuth2Error as error:
        return reject(request, error)
    try:
        user = account_of_identity(request, identity)
    except NoAccount as problem:
        return see_other(with_query(request, "oidc.login", notice=problem.notice))
    discount_finished(request)
    # Its own amr is not passed on: how sure it is of the user is for the operator to say, as acr.
    method, noted = f"{UPSTREAM}{identity.upstream.name}", note_sign_in(request, identity)
    response = after_first_factor(
        request,
        asking,
        user,
        (),
        method,
        upstream_session_id=noted,
        auth_time=identity.auth_time,
    )
    return response or see_other(with_query(request, "oidc.login", notice="upstream"))


def _link(request: Request, session_id: str, identity: Identity) -> Response:
    """Link the user of the upstream to the account of the session that began it, and no other."""
    session = request.oidc.login_session
    linked = (
        session is not None
        and session.id == session_id
        and may_link(identity.upstream)
        and link_identity(request, identity, session.user)
    )
    discount_finished(request)
    notice = "upstream_linked" if linked else "upstream_taken"
    return see_other(request.oidc.url(LINKS, _query={"notice": notice}))


def _failed(
    request: Request, upstream: Upstream, problem: UpstreamFailed, page: str = "oidc.login"
) -> Response:
    level = logging.INFO if problem.by_user else logging.WARNING
    log.log(level, "A sign-in at the upstream %s failed. %s", upstream.name, problem.reason)
    details = {"upstream": upstream.name, "reason": problem.reason}
    announce(OAuthEvent(request, "upstream_failed", details))
    return see_other(with_query(request, page, notice="upstream"))


def register(config: Configurator) -> None:
    """Add the routes, where the ini selects an upstream."""
    if not config.registry.oidc.provider.upstreams:
        return
    config.add_oidc_route(START, "/login/upstream/{upstream}")
    config.add_oidc_route(ROUTE, "/login/upstream/{upstream}/callback")
    config.add_oidc_view(start, route_name=START, request_method="POST")
    config.add_oidc_view(come_back, route_name=ROUTE, request_method="GET")
