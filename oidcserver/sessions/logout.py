"""Signing out and going on, for the page and the endpoint that do it."""

import re

from pyramid.response import Response

from oidcserver.models import RecordedRejection
from oidcserver.oauth.rejections import ALPHABET
from oidcserver.oauth.responses import see_other
from oidcserver.oidc.after_logout import RULE, AfterLogout, after_logout_of
from oidcserver.sessions.frontchannel_logout import show_frames
from oidcserver.types import Configurator, Request

_REFERENCE = re.compile(f"[{ALPHABET}]{{5}}-[{ALPHABET}]{{5}}")


def log_out(request: Request, after: AfterLogout) -> Response:
    """End this browser's session and what rests on it; return where the user goes on."""
    session = request.oidc.sign_out()
    page = show_frames(request, session, after) if session is not None else None
    return page or see_other(after.target or _page(request, after))


def ask_to_log_out(request: Request, after: AfterLogout) -> Response:
    """Send the user to the page that asks, which goes on as :func:`log_out` does."""
    return see_other(_page(request, after))


def read_after_logout(request: Request) -> AfterLogout:
    """Return where the URL of the page leads, as ``request.oidc.after_logout``.

    Its parameters are checked as at the endpoint, since anybody can write them.
    """
    client_id, reference = request.GET.get("client_id"), request.GET.get("reference", "")
    client = request.oidc.server.query_client(client_id) if client_id else None
    row = None
    if _REFERENCE.fullmatch(reference):
        row = request.oidc.dbsession.get(RecordedRejection, reference)
    if row is None or row.rule != RULE:
        return after_logout_of(client, request.GET)
    return after_logout_of(client, request.GET, row.description, reference)


def _page(request: Request, after: AfterLogout) -> str:
    url: str = request.oidc.url("oidc.logout", _query=after.query)
    return url


def includeme(config: Configurator) -> None:
    """Add what the page and the endpoint call."""
    config.add_oidc_method(log_out)
    config.add_oidc_method(ask_to_log_out)
    config.add_oidc_attribute("after_logout", read_after_logout)
