"""Who may see a page, and where to go afterwards."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from oidcserver.oauth.responses import own_url, see_other
from oidcserver.types import Request

View = Callable[[Any], Any]

#: A path of ours: browsers take a backslash for a slash, drop a TAB, and ``//`` names a host.
_LOCAL_PATH = re.compile(r"/(?:[!-.0-\[\]-~][!-\[\]-~]*)?")


def local_url(request: Request, path: str | None) -> str | None:
    """Return the URL of a path below our own origin, or None for any other text."""
    if path is None or not _LOCAL_PATH.fullmatch(path):
        return None
    origin: str = request.oidc.provider.origin
    return origin + path


def home_url(request: Request, **query: str) -> str:
    """Return where to go when there is nowhere else: the home page, or that of the login."""
    route_name = "oidc.home" if "oidc.home" in request.oidc.provider.route_names else "oidc.login"
    url: str = request.oidc.url(route_name, _query=query)
    return url


def login_url(request: Request, target: str | None = None, **query: str) -> str:
    """Return the login page that leads to a URL of ours, by default back here."""
    path = (target or own_url(request)).removeprefix(request.oidc.provider.origin)
    url: str = request.oidc.url("oidc.login", _query={"next": path, **query})
    return url


def signed_in(view: View) -> View:
    """Decorate a view that needs somebody signed in: others sign in first and come back."""

    @wraps(view)
    def view_signed_in(request: Request) -> Any:
        return (
            view(request)
            if request.oidc.login_session is not None
            else see_other(login_url(request))
        )

    return view_signed_in
