"""The choice of a language, at the end of each page."""

from collections.abc import Sequence

from pyramid.response import Response

from oidcserver.languages.negotiation import remember_choice
from oidcserver.oauth.responses import own_url, see_other
from oidcserver.texts import Locale
from oidcserver.types import Configurator, Request
from oidcserver.views.access import home_url, local_url

ROUTE = "oidc.language"


def choose(request: Request) -> Response:
    """Keep the choice, and go back to the page on which it was made."""
    remember_choice(request, request.POST.get("locale", ""))
    return see_other(local_url(request, request.POST.get("next")) or home_url(request))


def leave(request: Request) -> Response:
    """Redirect a user who opens the URL itself: there is nothing to see."""
    return see_other(home_url(request))


def own_path(request: Request) -> str:
    """Return the path of this page, to come back to it."""
    return own_url(request).removeprefix(request.oidc.provider.origin)


def languages(request: Request) -> Sequence[Locale]:
    """Return the languages to choose from; none where there is no choice."""
    locales = tuple(request.registry.oidc.locales.values())
    return locales if ROUTE in request.oidc.provider.route_names and len(locales) > 1 else ()


def includeme(config: Configurator) -> None:
    """Offer the choice."""

    def register(config: Configurator) -> None:
        config.add_oidc_route(ROUTE, "/language")
        config.add_oidc_view(leave, route_name=ROUTE, request_method="GET")
        config.add_oidc_view(choose, route_name=ROUTE, request_method="POST")

    config.add_oidc_attribute("languages", languages)
    config.add_oidc_attribute("own_path", own_path)
    config.add_oauth_page("language", register)
