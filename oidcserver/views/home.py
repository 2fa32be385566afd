"""The home page: what this is, or who is signed in and where to."""

from typing import Any
from urllib.parse import urlsplit

from oidcserver.types import Configurator, Request
from oidcserver.views.applications import allowed_applications, initiate_login_url

#: What a page before this one has to say, by the word in the query.
NOTICES = {
    "restart": (
        "You are signed in. What the application had asked for is not known here any more: "
        "go back to the application and start again."
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
