"""The logout page asks, signs out and says so; again and again without an error."""

from typing import Any

from pyramid.renderers import render_to_response
from pyramid.response import Response

from oidcserver.oauth.responses import see_other


def show(request: Any) -> Response:
    """Ask whether to sign out, or say that nobody is signed in."""
    session = request.login_session
    template = "logged_out" if session is None else "logout"
    return render_to_response(
        f"oidcserver:templates/{template}.jinja2", {"session": session}, request=request
    )


def submit(request: Any) -> Response:
    """Sign out; a redirect, so that a reload asks nothing."""
    request.sign_out()
    return see_other(request.provider_url("logout"))


def includeme(config: Any) -> None:
    """Offer the page."""

    def register(config: Any) -> None:
        config.add_route("logout", "/logout")
        config.add_view(show, route_name="logout", request_method="GET")
        config.add_view(submit, route_name="logout", request_method="POST")

    config.add_oauth_page("logout", register)
