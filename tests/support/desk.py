"""Parts of an application that uses the provider's security policy."""

from typing import Any

from pyramid.authorization import Allow, Authenticated
from pyramid.httpexceptions import HTTPSeeOther


class Desk:
    """The context of every view: who is signed in may work."""

    __acl__ = [(Allow, Authenticated, "work")]

    def __init__(self, request: Any) -> None:
        """Pyramid passes the request."""


def sign_in_first(problem: Any, request: Any) -> HTTPSeeOther:
    """Send the user to the provider's login page, and back here."""
    return HTTPSeeOther(request.oidc.url("oidc.login", _query={"next": request.path_qs}))
