"""Signing out and the redirect that follows, for the sign-out page and the endpoint."""

import re
from collections.abc import Mapping, Sequence

from pyramid.response import Response

from oidcserver import types
from oidcserver.accounts.upstreams.logout import begin_logout
from oidcserver.languages.negotiation import UI_LOCALES, prefer
from oidcserver.models import RecordedRejection
from oidcserver.oauth.rejections import ALPHABET
from oidcserver.oauth.responses import see_other
from oidcserver.oidc.after_logout import RULE, AfterLogout, after_logout_of
from oidcserver.sessions.frontchannel_logout import show_frames
from oidcserver.types import Configurator, Request

_REFERENCE = re.compile(f"[{ALPHABET}]{{5}}-[{ALPHABET}]{{5}}")


def log_out(
    request: Request, after: types.AfterLogout, sessions: Sequence[types.LoginSession] = ()
) -> Response:
    """End sessions of this browser; return the response that redirects the user.

    :param sessions: by default that of the present account.
    """
    ended = [request.oidc.sign_out(session) for session in sessions or (None,)]
    known = [it for it in ended if it is not None]
    after = _by_upstream(request, known, after)
    page = show_frames(request, known, after)
    return page or see_other(after.target or _page(request, after))


def _by_upstream(
    request: Request, sessions: Sequence[types.LoginSession], after: types.AfterLogout
) -> types.AfterLogout:
    """Let the user go on by the upstream that a session came of: the first that has one."""
    for session in sessions:
        away = begin_logout(request, session, after.query)
        if away is not None:
            upstream, url = away
            ignored, reference = after.ignored, after.reference
            return AfterLogout(None, url, ignored, reference, after.query, upstream.label)
    return after


def ask_to_log_out(request: Request, after: types.AfterLogout) -> Response:
    """Redirect to the page that asks, and then redirects as :func:`log_out` does."""
    return see_other(_page(request, after))


def read_after_logout(request: Request, query: Mapping[str, str] | None = None) -> AfterLogout:
    """Return the target in the URL of the page: ``request.oidc.after_logout``.

    The parameters are checked as at the endpoint, since any site can link to this URL.

    :param query: the parameters; by default those of the request.
    """
    query = request.GET if query is None else query
    prefer(request, query.get(UI_LOCALES))
    client_id, reference = query.get("client_id"), query.get("reference", "")
    server = request.oidc.server
    client = server.query_client(client_id, renew=False) if client_id else None
    row = None
    if _REFERENCE.fullmatch(reference):
        row = request.oidc.dbsession.get(RecordedRejection, reference)
    if row is None or row.rule != RULE:
        return after_logout_of(client, query)
    return after_logout_of(client, query, row.description, reference)


def _page(request: Request, after: types.AfterLogout) -> str:
    return request.oidc.url("oidc.logout", _query=after.query)


def includeme(config: Configurator) -> None:
    """Add the functions for the page and the endpoint."""
    config.add_oidc_method(log_out)
    config.add_oidc_method(ask_to_log_out)
    config.add_oidc_attribute("after_logout", read_after_logout)
