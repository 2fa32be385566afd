"""Signing out and going on, for the pages and the endpoint that do it."""

import json
from typing import Any

from pyramid.response import Response

from oidcserver.models import Client
from oidcserver.oauth.responses import see_other
from oidcserver.sessions.frontchannel_logout import show_frames

PURPOSE = "after logout"
PARAMETER = "then"
#: No parameter is longer (the request guard refuses it).
MAX_SEALED = 4096


def log_out(request: Any, client: Client | None = None, target: str | None = None) -> Response:
    """End this browser's session and what rests on it; return where the person goes on.

    :param client: the application that they go on to.
    :param target: its URL, which it has registered.
    """
    session = request.sign_out()
    page = show_frames(request, session, client, target) if session is not None else None
    return page or see_other(target or request.provider_url("logout"))


def ask_to_log_out(
    request: Any, client: Client | None = None, target: str | None = None
) -> Response:
    """Send the person to the page that asks, which goes on as :func:`log_out` does."""
    query = {}
    if client is not None and target is not None:
        until = request.now + request.provider.settings["oidc.interaction_lifetime"]
        text = json.dumps([client.client_id, target, until])
        sealed = request.provider.sealer(PURPOSE).seal(text.encode())
        if len(sealed) <= MAX_SEALED:
            query[PARAMETER] = sealed
    return see_other(request.provider_url("logout", _query=query))


def after_logout(request: Any) -> tuple[Client | None, str | None]:
    """Return the application and its URL that the page goes on to: ``request.after_logout``."""
    sealed = request.provider.sealer(PURPOSE).unseal(request.GET.get(PARAMETER, ""))
    if sealed is None:
        return None, None
    client_id, target, until = json.loads(sealed)
    client = request.authorization_server.query_client(client_id)
    return (None, None) if client is None or until < request.now else (client, target)


def includeme(config: Any) -> None:
    """Add what the pages and the endpoint call."""
    config.add_request_method(log_out)
    config.add_request_method(ask_to_log_out)
    config.add_request_method(after_logout, reify=True)
