"""The response modes query, fragment and form_post.

OAuth 2.0 Multiple Response Type Encoding Practices; OAuth 2.0 Form Post Response Mode.
"""

from urllib.parse import quote, urlencode

from pyramid.renderers import render_to_response
from pyramid.response import Response

from oidcserver.oauth.responses import see_other
from oidcserver.types import Configurator, Request


def query(request: Request, redirect_uri: str, parameters: dict[str, str]) -> Response:
    """Append the parameters to the query of the URI."""
    separator = "&" if "?" in redirect_uri else "?"
    return see_other(redirect_uri + separator + urlencode(parameters, quote_via=quote))


def fragment(request: Request, redirect_uri: str, parameters: dict[str, str]) -> Response:
    """Put the parameters into the fragment."""
    return see_other(redirect_uri + "#" + urlencode(parameters, quote_via=quote))


def form_post(request: Request, redirect_uri: str, parameters: dict[str, str]) -> Response:
    """Return a page that posts the parameters, by a script or by a button."""
    request.oidc.content_security_policy.let_forms_leave()
    request.oidc.content_security_policy.allow("script-src", "'self'")
    values = {"redirect_uri": redirect_uri, "parameters": parameters}
    return render_to_response("oidcserver:templates/form_post.jinja2", values, request=request)


def includeme(config: Configurator) -> None:
    """Offer the modes."""
    for encode in (query, fragment, form_post):
        config.add_response_mode(encode.__name__, encode)
    config.add_server_metadata(
        "response_modes_supported", lambda provider: sorted(provider.response_modes)
    )
