"""Signing out and going on, for the page and the endpoint that do it."""

import re
from typing import Any

from pyramid.response import Response

from oidcserver.models import RecordedRejection
from oidcserver.oauth.rejections import ALPHABET
from oidcserver.oauth.responses import see_other
from oidcserver.oidc.after_logout import RULE, AfterLogout, after_logout_of
from oidcserver.sessions.frontchannel_logout import show_frames

_REFERENCE = re.compile(f"[{ALPHABET}]{{5}}-[{ALPHABET}]{{5}}")


def log_out(request: Any, after: AfterLogout) -> Response:
    """End this browser's session and what rests on it; return where the user goes on."""
    session = request.sign_out()
    page = show_frames(request, session, after) if session is not None else None
    return page or see_other(after.target or _page(request, after))


def ask_to_log_out(request: Any, after: AfterLogout) -> Response:
    """Send the user to the page that asks, which goes on as :func:`log_out` does."""
    return see_other(_page(request, after))


def read_after_logout(request: Any) -> AfterLogout:
    """Return where the URL of the page leads, as ``request.after_logout``.

    Its parameters are checked as at the endpoint, since anybody can write them.
    """
    client_id, reference = request.GET.get("client_id"), request.GET.get("reference", "")
    client = request.authorization_server.query_client(client_id) if client_id else None
    row = None
    if _REFERENCE.fullmatch(reference):
        row = request.dbsession.get(RecordedRejection, reference)
    if row is None or row.rule != RULE:
        return after_logout_of(client, request.GET)
    return after_logout_of(client, request.GET, row.description, reference)


def _page(request: Any, after: AfterLogout) -> str:
    url: str = request.provider_url("logout", _query=after.query)
    return url


def includeme(config: Any) -> None:
    """Add what the page and the endpoint call."""
    config.add_request_method(log_out)
    config.add_request_method(ask_to_log_out)
    config.add_request_method(read_after_logout, "after_logout", reify=True)
