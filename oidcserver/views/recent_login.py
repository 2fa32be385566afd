"""Requires a recent sign-in for actions that a thief of a session would want."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from pyramid.response import Response

from oidcserver.oauth.responses import own_url, see_other
from oidcserver.settings import seconds
from oidcserver.types import Configurator, Request
from oidcserver.views.access import login_url

SETTING = "oidc.recent_login"
View = Callable[[Any], Any]


def signed_in_a_moment_ago(request: Request) -> bool:
    """Whether the setting requires no other sign-in of the user who is signed in."""
    lifetime = request.oidc.provider.settings[SETTING]
    return bool(lifetime == 0 or request.oidc.login_session.auth_time > request.oidc.now - lifetime)


def sign_in_again(request: Request, **fields: str) -> Response | None:
    """Return a redirect to the login page, or None if the user signed in recently.

    From there the user comes back to the URL of this request, which has to answer a GET.

    :param fields: the query of that URL, in place of the form that was sent.
    """
    if signed_in_a_moment_ago(request):
        return None
    url = own_url(request).partition("?")[0]
    return see_other(login_url(request, f"{url}?{urlencode(fields)}" if fields else url, again="1"))


def recently_signed_in(view: View) -> View:
    """Decorate a view that requires a recent sign-in."""

    @wraps(view)
    def view_recently_signed_in(request: Request) -> Any:
        return sign_in_again(request) or view(request)

    return view_recently_signed_in


def includeme(config: Configurator) -> None:
    """Add the setting."""
    config.add_oauth_setting(
        SETTING,
        seconds,
        300,
        "How recently a user has to have signed in to end other sessions, withdraw what was "
        "allowed, change how a client authenticates, or delete it; 0: at any time.",
    )
