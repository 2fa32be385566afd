"""The home page: an introduction for visitors; applications and links for signed-in users."""

from typing import Any
from urllib.parse import urlsplit

from oidcserver.models.backchannel_request import open_requests
from oidcserver.texts import _
from oidcserver.types import Configurator, Request
from oidcserver.views.applications import allowed_applications, initiate_login_url

#: Messages from the page before, by the value of ``notice`` in the query.
NOTICES = {
    "deleted": _("Your account was deleted."),
    "restart": _(
        "You are signed in, but the request of the application has expired. "
        "Go back to the application and start again."
    ),
}


def home(request: Request) -> dict[str, Any]:
    """Show the home page."""
    session = request.oidc.login_session
    clients = [client for _, client in allowed_applications(request)] if session else []
    urls = ((client, initiate_login_url(request, client)) for client in clients)
    return {
        "session": session,
        "notice": NOTICES.get(request.GET.get("notice", "")),
        "applications": [(client, url, urlsplit(url).hostname) for client, url in urls if url],
        "waiting": _count_open_requests(request),
    }


def _count_open_requests(request: Request) -> int:
    """Return how many backchannel requests wait for the user's decision."""
    session = request.oidc.login_session
    if session is None or "oidc.approvals" not in request.oidc.provider.route_names:
        return 0
    return len(open_requests(request.oidc.dbsession, session.user_id))


def includeme(config: Configurator) -> None:
    """Offer the page."""

    def register(config: Configurator) -> None:
        config.add_oidc_route("oidc.home", "/")
        config.add_oidc_view(
            home,
            route_name="oidc.home",
            request_method="GET",
            renderer="oidcserver:templates/home.jinja2",
        )

    config.add_oauth_page("home", register)
