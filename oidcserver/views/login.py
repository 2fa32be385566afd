"""The login page, for the request of an application or for a page of the provider.

If an application asks the user to choose an account, a signed-in user may keep the present one.
"""

import logging

from authlib.oauth2 import OAuth2Error
from pyramid.exceptions import BadCSRFToken
from pyramid.renderers import render_to_response
from pyramid.response import Response

from oidcserver.accounts.passwords import Busy
from oidcserver.http.throttling import TooManyAttempts, waiting_time
from oidcserver.interfaces import DirectoryUnavailable, User
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.responses import see_other
from oidcserver.oidc.interactions import may_choose
from oidcserver.oidc.requested_subject import another_user_needed
from oidcserver.sessions import LOGIN_ROUTE
from oidcserver.types import Configurator, LoginSession, Request
from oidcserver.views import application_login
from oidcserver.views.access import home_url, local_url
from oidcserver.views.suspended import go_on, needs, open_row, read_request, reject, request_uri

log = logging.getLogger(__name__)

STALE = (
    "Your browser did not send what this form needs. Please sign in again; "
    "if this message stays, allow cookies for this page."
)
UNAVAILABLE = "Signing in is not possible at this moment. Please try again in a few seconds."
BUSY = "Very many users are signing in at this moment. Please try again in a few seconds."


def show(request: Request) -> Response:
    """Show the form; redirect if no sign-in is needed."""
    try:
        asking = read_request(request)
        if asking is not None and not needs(asking, "oidc.login"):
            return go_on(request)
    except OAuth2Error as error:
        return reject(request, error)
    session = request.oidc.login_session
    if asking is None and session is not None and _again(request):
        return _page(request, None, username=session.user.username, again=True)
    if asking is None and session is not None:
        target = local_url(request, request.GET.get("next"))
        if target is not None:
            return see_other(target)
        return _page(request, None, signed_in=session.user)
    return _page(request, asking, username=_expected_username(asking, session))


def submit(request: Request) -> Response:
    """Sign in, or continue with the present account; then go on to the page or application."""
    if "continue_as" in request.POST:
        return _continue(request)
    username = request.POST.get("username", "")
    password = request.POST.get("password", "")
    user, problem = None, None
    try:
        # This comes first because it ends the transaction, and with it all rows that were read.
        user = request.oidc.authenticate_user(username, password)
    except (TooManyAttempts, Busy, DirectoryUnavailable, Rejection) as raised:
        problem = raised
    try:
        asking = read_request(request)
    except OAuth2Error as error:
        return reject(request, error)
    if isinstance(problem, Rejection):
        return _page(request, asking, status=403, username=username, error=problem.description)
    if problem is not None:
        return _try_later(request, asking, username, problem)
    session = request.oidc.sign_in(user) if user is not None else None
    if session is None:
        sentence, again = _wrong(request), _again(request)
        return _page(request, asking, status=403, username=username, error=sentence, again=again)
    if asking is not None:
        reference, row = open_row(asking)
        row.authenticated_session_id = session.id
        return go_on(request, reference)
    if request_uri(request):
        return see_other(home_url(request, notice="restart"))
    return see_other(local_url(request, request.GET.get("next")) or home_url(request))


def _continue(request: Request) -> Response:
    """Store the choice of the account that the page showed. It does not count as a sign-in."""
    try:
        asking = read_request(request)
    except OAuth2Error as error:
        return reject(request, error)
    session = request.oidc.login_session
    if asking is None or session is None or request.POST["continue_as"] != session.id:
        return go_on(request)
    reference, row = open_row(asking)
    row.selected_session_id = session.id
    return go_on(request, reference)


def show_again(problem: BadCSRFToken, request: Request) -> Response:
    """Show a new form if the token of the form is missing. The database is not available here."""
    username = request.POST.get("username", "")
    return _page(request, None, status=403, username=username, error=STALE)


def _again(request: Request) -> bool:
    """Whether a page of ours requires a signed-in user to enter the password again."""
    return "again" in request.GET


def _expected_username(asking: AuthorizationRequest | None, session: LoginSession | None) -> str:
    if asking is None:
        return ""
    another = "select_account" in asking.prompt or another_user_needed(asking) is not None
    present = session.user.username if session and not another else ""
    return asking.data.get("login_hint", "") or present


def _try_later(
    request: Request,
    asking: AuthorizationRequest | None,
    username: str,
    problem: TooManyAttempts | Busy | DirectoryUnavailable,
) -> Response:
    status, error = 503, BUSY
    if isinstance(problem, TooManyAttempts):
        status, error = 429, _too_many(problem.retry_after)
    elif isinstance(problem, DirectoryUnavailable):
        log.error("The user directory does not answer.", exc_info=problem)
        error = UNAVAILABLE
    response = _page(request, asking, status=status, username=username, error=error)
    response.headers["Retry-After"] = str(problem.retry_after)
    return response


def _wrong(request: Request) -> str:
    """Return one sentence for a wrong password, an unknown name and a locked name."""
    wait = waiting_time(request.oidc.provider.settings["oidc.login_window"])
    return (
        "That user name and password do not match, or were tried too often; "
        f"in that case wait {wait}."
    )


def _too_many(seconds: int) -> str:
    wait = waiting_time(seconds)
    return f"Too many attempts came from your network. Please try again in {wait}."


def _page(
    request: Request,
    asking: AuthorizationRequest | None,
    *,
    status: int = 200,
    username: str = "",
    error: str = "",
    again: bool = False,
    signed_in: User | None = None,
) -> Response:
    choosing = asking is not None and may_choose(asking)
    values = {
        "client": asking.client if asking is not None else None,
        "again": again or (asking is not None and request.oidc.login_session is not None),
        "choose": request.oidc.login_session if choosing else None,
        "username": username,
        "error": error,
        "signed_in": signed_in,
        "hint": getattr(request.oidc.provider.user_directory, "sign_in_hint", ""),
    }
    response = render_to_response("oidcserver:templates/login.jinja2", values, request=request)
    response.status_int = status
    return response


def includeme(config: Configurator) -> None:
    """Offer the page."""

    def register(config: Configurator) -> None:
        config.add_oidc_route("oidc.login", "/login")
        if config.registry.oidc.provider.settings[LOGIN_ROUTE]:
            config.add_oidc_view(
                application_login.show, route_name="oidc.login", request_method="GET"
            )
            return
        config.add_oidc_view(show, route_name="oidc.login", request_method="GET")
        config.add_oidc_view(submit, route_name="oidc.login", request_method="POST")
        config.add_exception_view(show_again, context=BadCSRFToken, route_name="oidc.login")

    config.add_oauth_page("login", register)
    config.add_startup_check("login route", application_login.require_route)
