"""Protection against cross-site request forgery, for every form of our pages and those of plugins.

Pyramid's own options apply to the whole application, including one that embeds the provider, and
its origin check trusts the Host header. So only its cookie policy is used. Our own check runs
before every view of a route that a page registered.
"""

import logging
from typing import Any

from pyramid.csrf import CookieCSRFStoragePolicy
from pyramid.exceptions import BadCSRFOrigin, BadCSRFToken
from pyramid.response import Response
from pyramid.viewderivers import INGRESS

from oidcserver.http.cookies import MAX_AGE
from oidcserver.http.cors import origin_of
from oidcserver.types import Configurator, Provider, Request, View

logger = logging.getLogger(__name__)

FIELD = "csrf_token"
#: The field of a form that acts for the signed-in user: the account that it was made for.
ACCOUNT = "csrf_account"
HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def _policy(provider: Provider) -> CookieCSRFStoragePolicy:
    return CookieCSRFStoragePolicy(
        cookie_name=provider.cookie_name("csrf"),
        secure=provider.secure,
        httponly=True,
        max_age=MAX_AGE,
    )


def csrf_token(request: Request) -> str:
    """Return the value of the form field ``csrf_token``; the response sets its cookie."""
    token: str = _policy(request.oidc.provider).get_csrf_token(request)
    return token


def form_origin(request: Request) -> str | None:
    """Return the origin of the page that sent a form, from its headers; None without one.

    It may be any text of up to 200 characters.
    """
    origin: str | None = request.headers.get("Origin", "null")
    if origin == "null":
        origin = origin_of(request.headers.get("Referer", ""))
    return origin[:200] if origin else None


class AnotherAccount(Exception):
    """The form was made for another account than the one that is signed in now."""


class ForeignOrigins:
    """Logs each origin whose forms are rejected once, and no more than ``LIMIT`` of them.

    A wrong ``oidc.issuer`` looks like forms from another site; the log line shows both origins.
    """

    LIMIT = 20

    def __init__(self) -> None:
        self._known: set[str] = set()

    def report(self, origin: str, issuer: str) -> None:
        """Log that a form of a page at ``origin`` was rejected."""
        if origin in self._known or len(self._known) >= self.LIMIT:
            return
        self._known.add(origin)
        logger.warning(
            "A form from %r was rejected, because oidc.issuer is %r. If that is the address at "
            "which users open this provider, then oidc.issuer is wrong.",
            origin,
            issuer,
        )


def check_request(request: Request) -> None:
    """Reject a form that is not from our own pages.

    ``Origin: null`` names no origin. A browser sends it with our own forms where a proxy adds
    ``Referrer-Policy: no-referrer``, and with those of a sandboxed frame. It is accepted if the
    browser says itself that the form has the same origin (``Sec-Fetch-Site``). It is also accepted
    if the browser does not say anything about it, as over plain http: like a form without any
    Origin, it then needs the token, whose cookie no other site's form brings along (SameSite) and
    in production no other host sets (``__Host-``).

    :raises BadCSRFOrigin: if it comes from another origin than the configured issuer's, or holds
        files, which no page of ours sends: so views get only text.
    :raises BadCSRFToken: if it does not have the token of this browser.
    """
    provider = request.oidc.provider
    origin = form_origin(request)
    if origin is not None and origin != origin_of(provider.origin):
        raise BadCSRFOrigin("The form was sent from another origin.")
    site = request.headers.get("Sec-Fetch-Site")
    unnamed = request.headers.get("Origin") == "null" and site not in {None, "same-origin"}
    if site == "cross-site" or unnamed:
        raise BadCSRFOrigin("The form was sent from another site.")
    if not all(isinstance(value, str) for value in request.POST.values()):
        raise BadCSRFOrigin("No page of ours sends files.")
    supplied = request.headers.get(HEADER) or request.POST.get(FIELD, "")
    if not _policy(provider).check_csrf_token(request, supplied):
        raise BadCSRFToken("The form has not the token of this browser.")


def check_account(request: Request) -> None:
    """Reject a form that was made for another account, from which the user has switched since.

    :raises AnotherAccount: so nothing is done for either.
    """
    made_for = request.POST.get(ACCOUNT)
    session = request.oidc.login_session if made_for is not None else None
    if session is not None and session.user_id != made_for:
        raise AnotherAccount


def csrf_deriver(view: View, info: Any) -> View:
    """Check the forms that are sent to our pages, and no other forms.

    A view without a route is wrapped too: routes may use it as their global view.
    """
    provider = info.registry.oidc.provider
    route_name = info.options["route_name"]
    if route_name is not None and route_name not in provider.page_route_names:
        return view

    def checked(context: Any, request: Request) -> Response:
        # Not again for the page that shows the error.
        if request.method not in SAFE_METHODS and request.exception is None:
            route = request.matched_route
            if route is not None and route.name in provider.page_route_names:
                check_request(request)
                check_account(request)
        return view(context, request)

    return checked


def includeme(config: Configurator) -> None:
    """Check the forms of our pages, before their permissions; ``request.oidc.csrf_token``."""
    config.registry.oidc.foreign_origins = ForeignOrigins()
    config.add_oidc_attribute("csrf_token", csrf_token)
    config.add_view_deriver(csrf_deriver, "oidc_csrf", under=INGRESS, over="secured_view")
