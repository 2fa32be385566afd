"""The sign-out page. It also works for visitors who are signed out already."""

from pyramid.response import Response

from oidcserver.interfaces.upstream import STAY
from oidcserver.types import Configurator, Request
from oidcserver.views.pages import render

#: In the field ``accounts`` of the form: every account of the browser.
EVERYONE = "all"


def show(request: Request) -> Response:
    """Ask whether to sign out, or say that the browser is signed out."""
    session, accounts = request.oidc.login_session, request.oidc.accounts.all()
    after = request.oidc.after_logout
    upstreams = request.oidc.provider.upstreams.values()
    if accounts and (after.target is not None or any(it.logout != STAY for it in upstreams)):
        request.oidc.content_security_policy.let_forms_leave()
    template = "logged_out" if session is None else "logout"
    values = {"session": session, "accounts": accounts, "everyone": EVERYONE, "after": after}
    return render(request, template, values)


def submit(request: Request) -> Response:
    """Sign the present account out, or all accounts of this browser; redirect the user."""
    everyone = request.POST.get("accounts") == EVERYONE
    sessions = request.oidc.accounts.all() if everyone else ()
    return request.oidc.log_out(request.oidc.after_logout, sessions)


def includeme(config: Configurator) -> None:
    """Offer the page."""

    def register(config: Configurator) -> None:
        config.add_oidc_route("oidc.logout", "/logout")
        config.add_oidc_view(show, route_name="oidc.logout", request_method="GET")
        config.add_oidc_view(submit, route_name="oidc.logout", request_method="POST")

    config.add_oauth_page("logout", register)
