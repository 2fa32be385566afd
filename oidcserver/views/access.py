"""Who may see a page, and where to go afterwards."""

import re
from collections.abc import Callable
from typing import Any

from oidcserver.oauth.responses import own_url, see_other

View = Callable[[Any], Any]

#: A path of ours: browsers take a backslash for a slash, drop a TAB, and ``//`` names a host.
_LOCAL_PATH = re.compile(r"/(?:[!-.0-\[\]-~][!-\[\]-~]*)?")


def local_url(request: Any, path: str | None) -> str | None:
    """Return the URL of a path below our own origin, or None for any other text."""
    if path is None or not _LOCAL_PATH.fullmatch(path):
        return None
    origin: str = request.provider.origin
    return origin + path


def home_url(request: Any, **query: str) -> str:
    """Return where to go when there is nowhere else: the home page, or that of the login."""
    route_name = "home" if "home" in request.provider.route_names else "login"
    url: str = request.provider_url(route_name, _query=query)
    return url


def login_url(request: Any, target: str | None = None, **query: str) -> str:
    """Return the login page that leads to a URL of ours, by default back here."""
    path = (target or own_url(request)).removeprefix(request.provider.origin)
    url: str = request.provider_url("login", _query={"next": path, **query})
    return url


def signed_in(view: View) -> View:
    """Decorate a view that needs somebody signed in: others sign in first and come back."""

    def view_signed_in(request: Any) -> Any:
        return view(request) if request.login_session is not None else see_other(login_url(request))

    return view_signed_in
