"""Asking for the password again before something is done that a thief of a session would do."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from pyramid.response import Response

from oidcserver.oauth.responses import see_other
from oidcserver.settings import seconds
from oidcserver.views.access import login_url, own_url

SETTING = "oidc.recent_login"
View = Callable[[Any], Any]


def signed_in_a_moment_ago(request: Any) -> bool:
    """Whether the setting requires no other sign-in of the user who is signed in."""
    lifetime = request.provider.settings[SETTING]
    return bool(lifetime == 0 or request.login_session.auth_time > request.now - lifetime)


def sign_in_again(request: Any, **fields: str) -> Response | None:
    """Return the way to the login page, or None where the user signed in a moment ago.

    From there the user comes back to the URL of this request, which has to answer a GET.

    :param fields: what that URL gets as its query, in place of the form that was sent.
    """
    if signed_in_a_moment_ago(request):
        return None
    url = own_url(request).partition("?")[0]
    return see_other(login_url(request, f"{url}?{urlencode(fields)}" if fields else url, again="1"))


def recently_signed_in(view: View) -> View:
    """Decorate a view of somebody who is signed in, and who has to have done so just now."""

    def view_recently_signed_in(request: Any) -> Any:
        return sign_in_again(request) or view(request)

    return view_recently_signed_in


def includeme(config: Any) -> None:
    """Add the setting."""
    config.add_oauth_setting(
        SETTING,
        seconds,
        300,
        "How recently a user has to have signed in to end other sessions, withdraw what was "
        "allowed, change how a client authenticates, or delete it; 0: at any time.",
    )
