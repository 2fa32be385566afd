"""The home page: an introduction for visitors; applications and links for signed-in users."""

from typing import Any
from urllib.parse import urlsplit

from oidcserver.types import Configurator, Request
from oidcserver.views.applications import allowed_applications, initiate_login_url

#: Messages from the page before, by the value of ``notice`` in the query.
NOTICES = {
    "restart": (
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
    }


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
