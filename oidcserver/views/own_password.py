"""The page where a signed-in user changes the password."""

from pyramid.response import Response

from oidcserver.accounts.directories import passwords_problem
from oidcserver.accounts.new_passwords import password_problem
from oidcserver.accounts.notices import announce_new_password
from oidcserver.accounts.passwords import Busy, hash_password
from oidcserver.accounts.second_factors import factors_of
from oidcserver.accounts.ways_in import has_password
from oidcserver.http.throttling import TooManyAttempts
from oidcserver.interfaces import User as Account
from oidcserver.models import User
from oidcserver.models.user import LOCAL, begin_generation_after
from oidcserver.oauth.responses import see_other
from oidcserver.sessions.ending import end_other_sessions
from oidcserver.texts import _
from oidcserver.types import Configurator, Registry, Request
from oidcserver.views.access import own_session, signed_in
from oidcserver.views.pages import render, try_later
from oidcserver.views.recent_login import sign_in_again

ROUTE = "oidc.password"
WRONG = _("This is not your password, or it was tried too often.")


def may_change_password(request: Request) -> bool:
    """Whether the page is selected, and the signed-in user has a password that is stored here."""
    provider = request.oidc.provider
    if ROUTE not in provider.route_names:
        return False
    user = request.oidc.dbsession.get_one(User, own_session(request).user_id)
    return user.realm == LOCAL and has_password(provider, user)


@signed_in
def show(request: Request) -> Response:
    """Show the form."""
    return _prove_factor(request) or _page(request)


@signed_in
def submit(request: Request) -> Response:
    """Check the present and the new password; end the user's other sessions."""
    again = _prove_factor(request)
    if again is not None:
        return again
    if not may_change_password(request):
        return _page(request, status=400)
    session = own_session(request)
    present = request.POST.get("password", "")
    password = request.POST.get("new_password", "")
    user = session.user
    context = (user.username, str(user.claims.get("email", "")), request.oidc.service_name)
    sentence = password_problem(request.oidc.provider, password, context)
    if sentence is not None:
        return _page(request, errors={"new_password": sentence}, status=400)
    try:
        account = request.oidc.authenticate_user(user.username, present)
        if account is None or account.id != user.id:
            return _page(request, errors={"password": WRONG}, status=403)
        request.oidc.database.commit()
        hashed = hash_password(password)
    except (TooManyAttempts, Busy) as problem:
        return try_later(
            problem,
            lambda error, status: _page(request, errors={"password": error}, status=status),
        )
    return _change(request, account, hashed)


def _prove_factor(request: Request) -> Response | None:
    """Return a redirect, or None if the sign-in suffices to change the password.

    The form asks for the password, so only a user with second factors has to sign in again.
    """
    has_factors = bool(factors_of(request, own_session(request).user))
    return sign_in_again(request) if has_factors else None


def _change(request: Request, account: Account, hashed: str) -> Response:
    dbsession = request.oidc.dbsession
    if not begin_generation_after(dbsession, account):
        return see_other(request.oidc.url("oidc.login"))
    row = dbsession.get_one(User, account.id)
    row.password_hash = hashed
    end_other_sessions(request, own_session(request))
    announce_new_password(request, row, "password_changed")
    return see_other(request.oidc.url("oidc.account", _query={"notice": "password"}))


def _page(request: Request, *, errors: dict[str, str] | None = None, status: int = 200) -> Response:
    values = {
        "session": own_session(request),
        "has_password": may_change_password(request),
        "errors": errors or {},
        "least": request.oidc.provider.settings["oidc.password_min_length"],
    }
    return render(request, "password", values, status)


def _require_passwords(registry: Registry) -> str | None:
    provider = registry.oidc.provider
    if ROUTE not in provider.route_names:
        return None
    return passwords_problem(provider, "oidc.pages selects password")


def includeme(config: Configurator) -> None:
    """Offer the page."""

    def register(config: Configurator) -> None:
        config.add_oidc_route(ROUTE, "/account/password")
        config.add_oidc_view(show, route_name=ROUTE, request_method="GET")
        config.add_oidc_view(submit, route_name=ROUTE, request_method="POST")

    config.add_oauth_page("password", register)
    config.add_startup_check("password page", _require_passwords)
