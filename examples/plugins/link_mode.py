"""A response mode: the user follows a link to the application, instead of a redirect."""

from urllib.parse import urlencode

from markupsafe import Markup
from pyramid.response import Response

from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.types import Configurator

PAGE = Markup('<!doctype html><title>Continue</title><p><a href="{}">Continue to {}</a></p>')


def link(
    authorization_request: AuthorizationRequest, redirect_uri: str, parameters: dict[str, str]
) -> Response:
    """Return a page with a link that carries the parameters."""
    separator = "&" if "?" in redirect_uri else "?"
    url = redirect_uri + separator + urlencode(parameters)
    response = Response(PAGE.format(url, redirect_uri))
    response.cache_control = "no-store"
    return response


def includeme(config: Configurator) -> None:
    """Offer the mode for ``oauth.response_modes``."""
    config.add_response_mode("link", link)
