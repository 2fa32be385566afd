"""Rendering of the pages of clients, and the event for a change."""

from typing import Any

from pyramid.response import Response

from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.models import Client
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.types import Request
from oidcserver.views.access import login_url, own_session
from oidcserver.views.client_change import SignInRequired
from oidcserver.views.client_examples import examples
from oidcserver.views.client_members import field_options, shown_sections, sort_problems
from oidcserver.views.client_preview import preview
from oidcserver.views.pages import render


def client_form(
    request: Request,
    values: dict[str, Any],
    ticket: str,
    *,
    client: Client | None = None,
    problem: InvalidClientMetadata | None = None,
) -> Response:
    """Return the form of a client.

    :param values: the values of the fields, by name.
    :param ticket: of a new client; empty for an existing one.
    :param problem: the reason why a submitted form was rejected.
    """
    errors, general = sort_problems(problem, values)
    return render(
        request,
        "client",
        {
            "client": client,
            "sections": shown_sections(request),
            "values": values,
            "ticket": ticket,
            "options": field_options(request, values),
            "errors": errors,
            "first_error": next((name for name in values if name in errors), ""),
            "problems": general,
            "sign_in": login_url(request, again="1") if isinstance(problem, SignInRequired) else "",
            "saved": "saved" in request.GET and problem is None,
            "again": "again" in request.GET,
            "examples": examples(request, client) if client is not None else [],
            "preview": preview(request, client) if client is not None else None,
        },
        200 if problem is None else 400,
    )


def client_secret(
    request: Request, client: Client, secret: str | None, *, created: bool = False
) -> Response:
    """Return the page that shows a secret once; without a secret, that a client was created."""
    request.oidc.content_security_policy.allow("script-src", "'self'")  # the button that copies
    values = {
        "client": client,
        "secret": secret,
        "created": created,
        "examples": examples(request, client, secret),
    }
    return render(request, "client_created", values)


def announce_change(request: Request, name: str, client: Client) -> None:
    """Notify the subscribers of a change that the signed-in user makes to a client."""
    details = {"client_id": client.client_id, "user_id": own_session(request).user_id}
    request.oidc.database.after_commit(announce, OAuthEvent(request, name, details))
