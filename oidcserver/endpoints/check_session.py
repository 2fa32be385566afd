"""The page that relying parties ask in a frame whether the login has changed.

OpenID Connect Session Management 1.0 section 3.3. The page is the same for everyone, and its
script reads the browser's state from a cookie (:mod:`oidcserver.sessions.session_management`).
"""

from pyramid.renderers import render_to_response
from pyramid.response import Response

from oidcserver.types import Configurator, Request


def check_session(request: Request) -> Response:
    """Return the page; any site may show it in a frame, for it shows nothing."""
    policy = request.oidc.content_security_policy
    policy.allow("frame-ancestors", "*")
    policy.allow("script-src", "'self'")
    return render_to_response("oidcserver:templates/check_session.jinja2", {}, request=request)


def includeme(config: Configurator) -> None:
    """Offer the endpoint."""
    config.add_oauth_endpoint(
        "check_session", "/oauth/check_session", check_session,
        methods=("GET",), metadata_field="check_session_iframe",
    )  # fmt: skip
