"""The logout page asks, signs out and says so; again and again without an error."""

from typing import Any

from pyramid.renderers import render_to_response
from pyramid.response import Response


def show(request: Any) -> Response:
    """Ask whether to sign out, or say that nobody is signed in."""
    session = request.login_session
    after = request.after_logout
    if session is not None and after.target is not None:
        request.content_security_policy.let_forms_leave()
    template = "logged_out" if session is None else "logout"
    values = {"session": session, "after": after}
    return render_to_response(f"oidcserver:templates/{template}.jinja2", values, request=request)


def submit(request: Any) -> Response:
    """Sign out; mostly a redirect, so that a reload asks nothing."""
    response: Response = request.log_out(request.after_logout)
    return response


def includeme(config: Any) -> None:
    """Offer the page."""

    def register(config: Any) -> None:
        config.add_route("logout", "/logout")
        config.add_view(show, route_name="logout", request_method="GET")
        config.add_view(submit, route_name="logout", request_method="POST")

    config.add_oauth_page("logout", register)
