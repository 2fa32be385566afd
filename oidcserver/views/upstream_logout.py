"""The pages between signing out here and at the upstream that the session came of."""

import logging
from urllib.parse import parse_qsl

from pyramid.httpexceptions import HTTPNotFound
from pyramid.response import Response

from oidcserver.accounts.upstreams.hosts import UpstreamFailed
from oidcserver.accounts.upstreams.logout import LEAVE, RETURN, find_logout, logout_url
from oidcserver.interfaces.upstream import OFFER, STAY, Upstream
from oidcserver.models import UpstreamRequest
from oidcserver.oauth.responses import see_other
from oidcserver.sessions.logout import read_after_logout
from oidcserver.types import Configurator, Request
from oidcserver.views.pages import render

log = logging.getLogger(__name__)


def show(request: Request) -> Response:
    """Lead to the upstream at once, or ask whether to sign out there too."""
    upstream, row = _read(request)
    if row is None or upstream.logout != OFFER:
        return _leave(request, upstream, row)
    request.oidc.content_security_policy.let_forms_leave()
    values = {"upstream": upstream}
    return render(request, "upstream_logout", values)


def submit(request: Request) -> Response:
    """Lead to the upstream, or go on without it."""
    upstream, row = _read(request)
    return _leave(request, upstream, row, anyway="stay" in request.POST)


def come_back(request: Request) -> Response:
    """Go on where the user wanted to go after signing out here."""
    row = find_logout(request, _upstream(request), use=True)
    return _go_on(request, row)


def _upstream(request: Request) -> Upstream:
    upstream = request.oidc.provider.upstreams.get(request.matchdict["upstream"])
    if upstream is None or upstream.logout == STAY:
        raise HTTPNotFound()
    return upstream


def _read(request: Request) -> tuple[Upstream, UpstreamRequest | None]:
    upstream = _upstream(request)
    return upstream, find_logout(request, upstream, use=False)


def _leave(
    request: Request, upstream: Upstream, row: UpstreamRequest | None, *, anyway: bool = False
) -> Response:
    """Redirect to the upstream, or onward where that is not possible."""
    if row is None or anyway:
        return _go_on(request, row)
    with request.oidc.database.keeping_rows():
        request.oidc.database.commit()  # no transaction is open while we wait for a host
    try:
        metadata = request.registry.oidc.upstream_hosts.metadata(upstream)
        if not metadata.end_session_endpoint:
            raise UpstreamFailed("Its metadata has no end_session_endpoint.")
    except UpstreamFailed as problem:
        log.warning("Signing out at the upstream %s failed. %s", upstream.name, problem.reason)
        return _go_on(request, row)
    return see_other(logout_url(request, upstream, metadata, row))


def _go_on(request: Request, row: UpstreamRequest | None) -> Response:
    after = read_after_logout(request, dict(parse_qsl(row.onward)) if row is not None else {})
    return see_other(after.target or request.oidc.url("oidc.logout", _query=after.query))


def register(config: Configurator) -> None:
    """Add the pages, where an upstream selects them."""
    upstreams = config.registry.oidc.provider.upstreams.values()
    if all(upstream.logout == STAY for upstream in upstreams):
        return
    config.add_oidc_route(LEAVE, "/login/upstream/{upstream}/logout")
    config.add_oidc_route(RETURN, "/login/upstream/{upstream}/logged-out")
    config.add_oidc_view(show, route_name=LEAVE, request_method="GET")
    config.add_oidc_view(submit, route_name=LEAVE, request_method="POST")
    config.add_oidc_view(come_back, route_name=RETURN, request_method="GET")
