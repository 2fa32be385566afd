"""Requires a recent sign-in for sensitive actions, so that a stolen session cannot do them."""

from functools import wraps
from urllib.parse import urlencode

from pyramid.response import Response

from oidcserver.oauth.responses import own_url, see_other
from oidcserver.settings import seconds
from oidcserver.types import Configurator, Request
from oidcserver.views.access import View, login_url, own_session

SETTING = "oidc.recent_login"


def signed_in_a_moment_ago(request: Request) -> bool:
    """Whether the sign-in of the user is as recent as the setting requires."""
    lifetime: int = request.oidc.provider.settings[SETTING]
    return lifetime == 0 or own_session(request).auth_time > request.oidc.now - lifetime


def sign_in_again(request: Request, **fields: str) -> Response | None:
    """Return a redirect to the login page, or None if the user signed in recently.

    After signing in, the user returns to the URL of this request, which has to answer a GET.

    :param fields: the query of that URL; it replaces the form that was sent.
    """
    if signed_in_a_moment_ago(request):
        return None
    url = own_url(request).partition("?")[0]
    return see_other(login_url(request, f"{url}?{urlencode(fields)}" if fields else url, again="1"))


def recently_signed_in(view: View) -> View:
    """Decorate a view that requires a recent sign-in."""

    @wraps(view)
    def view_recently_signed_in(request: Request) -> Response:
        return sign_in_again(request) or view(request)

    return view_recently_signed_in


def includeme(config: Configurator) -> None:
    """Add the setting."""
    config.add_oauth_setting(
        SETTING,
        seconds,
        300,
        "How recent the sign-in of a user has to be to end other sessions, withdraw the access of "
        "an application, change how a client authenticates, or delete a client; 0: any age.",
    )
