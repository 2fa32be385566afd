"""Requires a recent sign-in for sensitive actions, so that a stolen session cannot do them."""

from functools import wraps
from urllib.parse import urlencode

from pyramid.response import Response

from oidcserver.accounts.second_factors import factors_of, forget_pending
from oidcserver.oauth.responses import own_url, see_other
from oidcserver.settings import seconds
from oidcserver.types import Configurator, LoginSession, Request
from oidcserver.views.access import View, login_url, own_session, page_url
from oidcserver.views.second_factor import ROUTE

SETTING = "oidc.recent_login"
#: The fields of forms that say what an action is about.
SUBJECTS = ("client", "link", "remove", "session")
#: The fields of a query that name the authorization request that waits for the action.
WAITING_REQUEST = ("client_id", "request_uri")


def signed_in_a_moment_ago(request: Request) -> bool:
    """Whether the sign-in of the user is as recent as the setting requires, and complete.

    It is not complete where the user has second factors and a remembered device spared them.
    """
    return is_recent(request) and not request.oidc.lacks_second_factor(own_session(request))


def is_recent(request: Request) -> bool:
    """Whether the first factor was proven as recently as the setting requires.

    Where an upstream did not say when, it was not.
    """
    lifetime: int = request.oidc.provider.settings[SETTING]
    session = own_session(request)
    recent = session.auth_time_known and session.auth_time > request.oidc.now - lifetime
    return lifetime == 0 or recent


def return_url(request: Request) -> str:
    """Return the URL of this request with :data:`SUBJECTS` and :data:`WAITING_REQUEST`, without
    other fields.

    It has to answer a GET, with a page that asks for the same action.
    """
    given = request.POST if request.method == "POST" else request.GET
    fields = {name: given[name] for name in SUBJECTS if name in given}
    fields |= {name: request.GET[name] for name in WAITING_REQUEST if name in request.GET}
    url: str = own_url(request).partition("?")[0]
    return f"{url}?{urlencode(fields)}" if fields else url


def sign_in_again(request: Request) -> Response | None:
    """Return a redirect to the login page, or None if the user signed in recently.

    If the recent sign-in lacks the second factor alone, the redirect is to the page of that.

    After signing in, the user returns to the :func:`return_url`.
    """
    if signed_in_a_moment_ago(request):
        return None
    target = return_url(request)
    if is_recent(request):
        return _prove_second_factor(request, target)
    return see_other(login_url(request, target, again="1"))


def recently_signed_in(view: View) -> View:
    """Decorate a view that requires a recent sign-in."""

    @wraps(view)
    def view_recently_signed_in(request: Request) -> Response:
        return sign_in_again(request) or view(request)

    return view_recently_signed_in


def prove_strongest_factor(request: Request) -> Response | None:
    """Return a redirect, or None if the user signed in recently, with the strongest own factor.

    A change of the ways to sign in requires this: else the thief of a weaker factor could add a
    way in that reaches more. The strongest factor is that for the way in of the session. The user
    returns to the :func:`return_url`.
    """
    session = own_session(request)
    needed = _class_of_the_strongest(request, session)
    if needed is None:
        return sign_in_again(request)
    target = return_url(request)
    if not is_recent(request):
        return see_other(login_url(request, target, again="1", acr=needed))
    if "mfa" in session.amr and request.oidc.provider.acr_policy.reaches(session.acr, needed):
        return None
    return _prove_second_factor(request, target, acr=needed)


def _prove_second_factor(request: Request, target: str, **query: str) -> Response:
    """Redirect to the page of the second factor, for the session and no sign-in that waits."""
    forget_pending(request)
    return see_other(page_url(request, ROUTE, target, **query))


def _class_of_the_strongest(request: Request, session: LoginSession) -> str | None:
    """Return the highest class that the user reaches by a factor after the way in of the session;
    None for a user without factors."""
    provider = request.oidc.provider
    policy = provider.acr_policy
    first = [name for name in session.methods if name not in provider.second_factors]
    own = [name for name, it in factors_of(request, session.user).items() if it.counts]
    return policy.strongest([policy.class_of([*first, name]) for name in own])


def strongest_factor_proven(view: View) -> View:
    """Decorate a view that requires :func:`prove_strongest_factor`."""

    @wraps(view)
    def view_after_strongest_factor(request: Request) -> Response:
        return prove_strongest_factor(request) or view(request)

    return view_after_strongest_factor


def includeme(config: Configurator) -> None:
    """Add the setting."""
    config.add_oauth_setting(
        SETTING,
        seconds,
        300,
        "How recent the sign-in of a user has to be to end other sessions, withdraw the access of "
        "an application, change second factors, connected sign-ins or the address, export or "
        "delete the account, change how a client authenticates, or delete a client; 0: any age. A "
        "user who has a second factor has to have used it in that sign-in.",
    )
