"""Pages that require a sign-in, and the URLs that lead there and back."""

import re
from collections.abc import Callable
from functools import wraps

from pyramid.response import Response

from oidcserver.oauth.responses import own_url, see_other
from oidcserver.types import LoginSession, Request

#: In the query of the login page: the user wants to switch to another account.
SWITCH = "switch"

View = Callable[[Request], Response]

#: A path of ours: browsers read a backslash as a slash, drop a TAB, and take ``//`` for a host.
_LOCAL_PATH = re.compile(r"/(?:[!-.0-\[\]-~][!-\[\]-~]*)?")


def local_url(request: Request, path: str | None) -> str | None:
    """Return the URL of a path below our own origin, or None for any other text."""
    if path is None or not _LOCAL_PATH.fullmatch(path):
        return None
    origin: str = request.oidc.provider.origin
    return origin + path


def home_url(request: Request, **query: str) -> str:
    """Return the URL of the home page, or of the login page where no home page is selected."""
    route_name = "oidc.home" if "oidc.home" in request.oidc.provider.route_names else "oidc.login"
    url: str = request.oidc.url(route_name, _query=query)
    return url


def login_url(request: Request, target: str | None = None, **query: str) -> str:
    """Return the URL of the login page, which then redirects to a target, by default this page."""
    return page_url(request, "oidc.login", target, **query)


def page_url(request: Request, route_name: str, target: str | None = None, **query: str) -> str:
    """Return the URL of a page that then redirects to a target, by default this page."""
    path = (target or own_url(request)).removeprefix(request.oidc.provider.origin)
    url: str = request.oidc.url(route_name, _query={"next": path, **query})
    return url


def with_query(request: Request, route_name: str, **query: str) -> str:
    """Return the URL of a page with the query of this one, so that the user can go on from there.

    :param query: further fields.
    """
    own = [(name, value) for name, value in request.GET.items() if name not in query]
    url: str = request.oidc.url(route_name, _query=[*own, *query.items()])
    return url


def signed_in(view: View) -> View:
    """Decorate a view that requires a signed-in user: others sign in first and come back."""

    @wraps(view)
    def view_signed_in(request: Request) -> Response:
        return (
            view(request)
            if request.oidc.login_session is not None
            else see_other(login_url(request))
        )

    return view_signed_in


def own_session(request: Request) -> LoginSession:
    """Return the login session of a request to a view that is :func:`signed_in`."""
    session = request.oidc.login_session
    assert session is not None
    return session
