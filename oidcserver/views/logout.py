"""The sign-out page. It also works for visitors who are signed out already."""

from pyramid.renderers import render_to_response
from pyramid.response import Response

from oidcserver.types import Configurator, Request


def show(request: Request) -> Response:
    """Ask whether to sign out, or say that the browser is signed out."""
    session = request.oidc.login_session
    after = request.oidc.after_logout
    if session is not None and after.target is not None:
        request.oidc.content_security_policy.let_forms_leave()
    template = "logged_out" if session is None else "logout"
    values = {"session": session, "after": after}
    return render_to_response(f"oidcserver:templates/{template}.jinja2", values, request=request)


def submit(request: Request) -> Response:
    """Sign out, and redirect the user."""
    return request.oidc.log_out(request.oidc.after_logout)


def includeme(config: Configurator) -> None:
    """Offer the page."""

    def register(config: Configurator) -> None:
        config.add_oidc_route("oidc.logout", "/logout")
        config.add_oidc_view(show, route_name="oidc.logout", request_method="GET")
        config.add_oidc_view(submit, route_name="oidc.logout", request_method="POST")

    config.add_oauth_page("logout", register)
