"""The login page, for the request of an application or for a page of the provider.

Where the user has to choose an account, or wants to switch to another one, the page also offers
those that are signed in in this browser.
"""

import logging
from collections.abc import Sequence

from authlib.oauth2 import OAuth2Error
from pyramid.exceptions import BadCSRFToken
from pyramid.response import Response

from oidcserver.accounts.passkeys import begin_sign_in
from oidcserver.accounts.passwords import Busy
from oidcserver.accounts.second_factors import forget_pending, late_username
from oidcserver.http.throttling import TooManyAttempts, waiting_time
from oidcserver.interfaces import DirectoryUnavailable, User
from oidcserver.models.user import normalise_username
from oidcserver.oauth.authorization_checks import REGISTER
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.responses import see_other
from oidcserver.oidc.choice_of_account import choices
from oidcserver.oidc.interactions import accounts_to_choose
from oidcserver.oidc.requested_subject import another_user_needed
from oidcserver.sessions import LOGIN_ROUTE
from oidcserver.texts import Moment, _
from oidcserver.types import Configurator, LoginSession, Request
from oidcserver.views import application_login, upstream, upstream_logout
from oidcserver.views.access import SWITCH, home_url, local_url, with_query
from oidcserver.views.pages import render, try_later
from oidcserver.views.passkeys import NOT_ACCEPTED, SIGN_IN_ROUTE
from oidcserver.views.second_factor import LATE, after_first_factor
from oidcserver.views.suspended import (
    go_on,
    needs,
    open_row,
    read_request,
    reject,
    request_uri,
)

log = logging.getLogger(__name__)

STALE = _(
    "Your browser did not send what this form needs. Please sign in again; "
    "if this message stays, allow cookies for this page."
)
UNAVAILABLE = _("Signing in is not possible right now. Please try again in a few seconds.")
NOT_HERE = _("That account is no longer signed in in this browser. Please sign in.")
BUSY = _("Too many users are signing in right now. Please try again in a few seconds.")


#: Messages from the page before, by the value of ``notice`` in the query.
NOTICES = {
    "deleted": _("Your account was deleted."),
    "everywhere": _("You were signed out everywhere."),
    "registered": _("Your address is confirmed. Sign in with it and the password that you chose."),
    "recovered": _(
        "Your password was changed, you were signed out everywhere, and applications lost their "
        "access. Please sign in."
    ),
    "recovered_others": _(
        "Your password was changed, and you were signed out everywhere. Passkeys and connected "
        "accounts still work. Sign in and remove those on your account page that are not yours."
    ),
}
PROBLEMS = {
    "passkey": NOT_ACCEPTED,
    LATE: _("You took too long. Please sign in again."),
    **upstream.PROBLEMS,
}


def show(request: Request) -> Response:
    """Show the form; redirect if no sign-in is needed."""
    try:
        asking = read_request(request)
        if asking is not None and not _again(request) and not needs(asking, "oidc.login"):
            return go_on(request)
    except OAuth2Error as error:
        return reject(request, error)
    if asking is not None and "create" in asking.prompt and "existing" not in request.GET:
        return see_other(with_query(request, REGISTER))
    session = request.oidc.login_session
    if asking is None and SWITCH in request.GET:
        return _page(request, None)
    if asking is None and session is not None and _again(request):
        return _page(request, None, username=session.user.username, again=True)
    if asking is None and session is not None:
        target = local_url(request, request.GET.get("next"))
        if target is not None:
            return see_other(target)
        return _page(request, None, signed_in=session.user)
    expected = (
        late_username(request) if request.GET.get("notice") == LATE else ""
    ) or _expected_username(asking, session)
    return _page(request, asking, username=expected)


def submit(request: Request) -> Response:
    """Sign in, or continue with an account of this browser; then go on where the user wanted."""
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
        return _page(request, asking, status=403, username=username, error=problem.sentence)
    if problem is not None:
        return _try_later(request, asking, username, problem)
    response = after_first_factor(request, asking, user) if user is not None else None
    if response is None:
        sentence, again = _wrong(request), _again(request)
        return _page(request, asking, status=403, username=username, error=sentence, again=again)
    return response


def _continue(request: Request) -> Response:
    """Switch to an account that the page showed. It does not count as a sign-in."""
    try:
        asking = read_request(request)
    except OAuth2Error as error:
        return reject(request, error)
    session = request.oidc.accounts.find(request.POST["continue_as"])
    if session is None:
        return _page(request, asking, status=403, error=NOT_HERE)
    if asking is None and request_uri(request):
        return go_on(request)
    if asking is not None and session not in choices(asking):
        return go_on(request)
    forget_pending(request)
    request.oidc.accounts.switch(session)
    if asking is None:
        return see_other(local_url(request, request.GET.get("next")) or home_url(request))
    reference, row = open_row(asking)
    row.selected_session_id = session.id
    return go_on(request, reference)


def show_again(problem: BadCSRFToken, request: Request) -> Response:
    """Show a new form if the token of the form is missing. The database is not available here."""
    username = request.POST.get("username", "")
    return _page(request, None, status=403, username=username, error=STALE)


def _link(request: Request, route_name: str) -> str:
    """Return the URL of a page that continues this request; empty where it is not selected."""
    known = request.oidc.provider.route_names
    return with_query(request, route_name) if route_name in known else ""


def _again(request: Request) -> bool:
    """Whether a page of ours requires a signed-in user to enter the password again."""
    return "again" in request.GET


def _expected_username(asking: AuthorizationRequest | None, session: LoginSession | None) -> str:
    if asking is None:
        return ""
    another = "select_account" in asking.prompt or another_user_needed(asking) is not None
    present = session.user.username if session and not another else ""
    return asking.data.get("login_hint", "") or present


def _choices(request: Request, asking: AuthorizationRequest | None) -> Sequence[LoginSession]:
    """Return the accounts that the page offers to continue with."""
    if request.exception is not None:  # the database may not be available
        return ()
    if asking is not None:
        return accounts_to_choose(asking)
    accounts = request.oidc.accounts
    return (
        accounts.all()
        if SWITCH in request.GET
        else accounts.others
        if accounts.present is None
        else ()
    )


def _offers(choose: Sequence[LoginSession], username: str) -> bool:
    """Whether the page offers to continue with the account of that name: the form is for others."""
    name = normalise_username(username)
    return any(normalise_username(it.user.username) == name for it in choose)


def _try_later(
    request: Request,
    asking: AuthorizationRequest | None,
    username: str,
    problem: TooManyAttempts | Busy | DirectoryUnavailable,
) -> Response:
    sentence = BUSY
    if isinstance(problem, TooManyAttempts):
        sentence = _too_many(problem.retry_after)
    elif isinstance(problem, DirectoryUnavailable):
        log.error("The user directory does not answer: %s", problem)
        sentence = UNAVAILABLE
    return try_later(
        problem,
        lambda error, status: _page(request, asking, status=status, username=username, error=error),
        sentence,
    )


def _wrong(request: Request) -> str:
    """Return one sentence for a wrong password, an unknown name and a locked name."""
    wait = waiting_time(request.oidc.provider.settings["oidc.login_window"])
    return _(
        "That user name and password do not match, or were tried too often; "
        "in that case wait ${time}.",
        {"time": wait},
    )


def _too_many(seconds: int) -> str:
    return _(
        "Too many attempts came from your network. Please try again in ${time}.",
        {"time": waiting_time(seconds)},
    )


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
    known = request.oidc.provider.route_names
    choose = _choices(request, asking)
    values = {
        "client": asking.client if asking is not None else None,
        "again": again or (asking is not None and request.oidc.login_session is not None),
        "choose": choose,
        "limit": request.oidc.accounts.limit,
        "moment": Moment,
        "username": username if error or not _offers(choose, username) else "",
        "error": error,
        "signed_in": signed_in,
        "passkey": begin_sign_in(request) if SIGN_IN_ROUTE in known else None,
        "passkey_url": _link(request, SIGN_IN_ROUTE),
        "register_url": _link(request, REGISTER),
        "recover_url": _link(request, "oidc.recover"),
        "first_factors": [
            (it.label, with_query(request, it.route_name))
            for it in request.oidc.provider.first_factors.values()
        ],
        "upstreams": [
            (it, upstream.start_url(request, it)) for it in request.oidc.provider.upstreams.values()
        ],
        "notice": NOTICES.get(request.GET.get("notice", "")) if not error else None,
        "problem": PROBLEMS.get(request.GET.get("notice", "")) if not error else None,
        "hint": getattr(request.oidc.provider.user_directory, "sign_in_hint", ""),
    }
    return render(request, "login", values, status)


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
        upstream.register(config)
        upstream_logout.register(config)

    config.add_oauth_page("login", register)
    config.add_startup_check("login route", application_login.require_route)
