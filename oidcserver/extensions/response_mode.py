"""The response modes query, fragment and form_post.

OAuth 2.0 Multiple Response Type Encoding Practices; OAuth 2.0 Form Post Response Mode.
"""

from urllib.parse import quote, urlencode

from pyramid.renderers import render_to_response
from pyramid.response import Response

from oidcserver.http.uris import with_parameters
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.responses import see_other
from oidcserver.types import Configurator


def query(
    authorization_request: AuthorizationRequest, redirect_uri: str, parameters: dict[str, str]
) -> Response:
    """Append the parameters to the query of the URI."""
    return see_other(with_parameters(redirect_uri, parameters))


def fragment(
    authorization_request: AuthorizationRequest, redirect_uri: str, parameters: dict[str, str]
) -> Response:
    """Put the parameters into the fragment."""
    return see_other(redirect_uri + "#" + urlencode(parameters, quote_via=quote))


def form_post(
    authorization_request: AuthorizationRequest, redirect_uri: str, parameters: dict[str, str]
) -> Response:
    """Return a page that posts the parameters, by a script or by a button."""
    request = authorization_request.request
    request.oidc.content_security_policy.let_forms_leave()
    request.oidc.content_security_policy.allow("script-src", "'self'")
    values = {"redirect_uri": redirect_uri, "parameters": parameters}
    return render_to_response("oidcserver:templates/form_post.jinja2", values, request=request)


def no_tokens(authorization_request: AuthorizationRequest) -> str | None:
    """Reject tokens in a query (Multiple Response Type Encoding Practices section 3.0)."""
    if authorization_request.issues_tokens:
        return "Tokens are not sent in a query: use fragment or form_post."
    return None


def includeme(config: Configurator) -> None:
    """Offer the modes."""
    config.add_response_mode("query", query, problem=no_tokens)
    config.add_response_mode("fragment", fragment)
    config.add_response_mode("form_post", form_post, posts=True)
    config.add_server_metadata(
        "response_modes_supported", lambda provider: sorted(provider.response_modes)
    )
