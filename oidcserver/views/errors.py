"""Error pages and JSON errors: a sentence, a reference, a safe way back."""

import logging
from typing import Any

from pyramid.exceptions import BadCSRFOrigin, BadCSRFToken
from pyramid.httpexceptions import HTTPException, HTTPForbidden, HTTPNotFound
from pyramid.response import Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from oidcserver.accounts.passwords import Busy
from oidcserver.database.outage import outage
from oidcserver.http.csrf import AnotherAccount, form_origin
from oidcserver.http.throttling import TooManyAttempts
from oidcserver.interfaces import DirectoryUnavailable
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.rejections import new_reference, record_rejection
from oidcserver.oauth.responses import error_page, error_response, own_url, see_other
from oidcserver.operations.outage import log_outage
from oidcserver.texts import _
from oidcserver.types import Configurator, Request
from oidcserver.views.access import login_url

logger = logging.getLogger(__name__)

DATABASE_RETRY_SECONDS = 5


class OurRoute:
    """View predicate: the request is for the provider.

    In an embedding application these are the requests for the provider's own routes.
    """

    def __init__(self, value: bool, info: Any) -> None:
        self.value = value

    def text(self) -> str:
        """Return the predicate for Pyramid's messages."""
        return f"our_route = {self.value}"

    phash = text

    def __call__(self, context: Any, request: Request) -> bool:
        """Return whether the request is for the provider, as the view requires."""
        provider = request.oidc.provider
        route = getattr(request, "matched_route", None)
        ours = not provider.embedded or (route is not None and route.name in provider.route_names)
        return ours is self.value


def rejected(problem: Rejection, request: Request) -> Response:
    """Answer for a request that a page cannot store, because there are too many."""
    back = own_url(request) if problem.status_code == 429 else None
    return _answer(request, problem, record_rejection(request, problem, None), back)


def not_found(problem: HTTPNotFound, request: Request) -> Response:
    """Answer for a URL that does not exist."""
    return _answer(request, Rejection("not_found", _("This page does not exist."), status_code=404))


def forbidden(problem: HTTPForbidden, request: Request) -> Response:
    """Answer a request that is not allowed; redirect visitors to the login page."""
    if request.oidc.login_session is None and not _wants_json(request):
        return see_other(login_url(request))
    sentence = _("You are not allowed to see this page.")
    return _answer(request, Rejection("access_denied", sentence, status_code=403))


def foreign_form(problem: BadCSRFOrigin, request: Request) -> Response:
    """Reject a form that was sent from another origin than the issuer's."""
    sentence = _("This form was sent from another site, so nothing was done.")
    rejection = Rejection("access_denied", sentence, status_code=403)
    provider, origin, hint = request.oidc.provider, form_origin(request), ""
    if origin is not None and origin != provider.origin:
        request.registry.oidc.foreign_origins.report(origin, provider.issuer)
        if provider.settings["oidcserver.mode"] == "development":
            hint = _(
                "The form came from ${origin}, but oidc.issuer is ${issuer}. Open the page at that "
                "address, or set oidc.issuer to the address that you use.",
                {"origin": origin, "issuer": provider.issuer},
            )
    return _answer(request, rejection, back=own_url(request), hint=hint)


def stale_form(problem: BadCSRFToken, request: Request) -> Response:
    """Reject a form that lacks this browser's token; the same URL has a new form."""
    sentence = _(
        "Your browser did not send what this form needs, so nothing was done. Please open the "
        "page again; if this message stays, allow cookies for this page."
    )
    rejection = Rejection("access_denied", sentence, status_code=403)
    return _answer(request, rejection, back=own_url(request))


def another_account(problem: AnotherAccount, request: Request) -> Response:
    """Reject a form of another account than the present one of the browser."""
    sentence = _(
        "You switched to another account after this page was opened, so nothing was done. Please "
        "open the page again."
    )
    rejection = Rejection("access_denied", sentence, status_code=403)
    return _answer(request, rejection, back=own_url(request))


def try_later(problem: TooManyAttempts | Busy, request: Request) -> Response:
    """Answer with Retry-After if too many passwords are being checked."""
    status = 503 if isinstance(problem, Busy) else 429
    sentence = _("Too many passwords are being checked. Please try again later.")
    headers = (("Retry-After", str(problem.retry_after)),)
    rejection = Rejection("temporarily_unavailable", sentence, status_code=status, headers=headers)
    return _answer(request, rejection)


def directory_down(problem: DirectoryUnavailable, request: Request) -> Response:
    """Answer while the user directory does not."""
    reference = new_reference()
    logger.error("the user directory does not answer, reference %s: %s", reference, problem)
    rejection = Rejection(
        "temporarily_unavailable",
        _("The service is not available right now. Please try again in a few seconds."),
        status_code=503,
        headers=(("Retry-After", str(problem.retry_after)),),
    )
    return _answer(request, rejection, reference)


def database_down(problem: Exception, request: Request) -> Response:
    """Answer while the database is down, without using it."""
    what = outage(problem)
    if what is None:
        return unexpected(problem, request)
    reference = log_outage(request.registry, what, problem)
    rejection = Rejection(
        "temporarily_unavailable",
        _("The service is not available right now. Please try again in a few seconds."),
        status_code=503,
        headers=(("Retry-After", str(DATABASE_RETRY_SECONDS)),),
    )
    return _answer(request, rejection, reference)


def unexpected(problem: Exception, request: Request) -> Response:
    """Answer for a bug; the log has the traceback and the reference."""
    if isinstance(problem, HTTPException):
        return problem
    reference = new_reference()
    logger.error("unexpected error, reference %s", reference, exc_info=problem)
    sentence = _("Unexpected error.")
    return _answer(request, Rejection("server_error", sentence, status_code=500), reference)


def _answer(
    request: Request,
    rejection: Rejection,
    reference: str = "",
    back: str | None = None,
    hint: str = "",
) -> Response:
    if _wants_json(request):
        if reference:
            rejection.description += f" Reference: {reference}."
        return error_response(rejection)
    return error_page(request, rejection, reference, back, hint)


def _wants_json(request: Request) -> bool:
    """Whether to answer with JSON: never at a page; elsewhere unless the client prefers HTML."""
    route = getattr(request, "matched_route", None)
    pages = request.oidc.provider.page_route_names | {"oidc.authorization_endpoint"}
    if route is not None and route.name in pages:
        return False
    offers = request.accept.acceptable_offers(["application/json", "text/html"])
    return not offers or offers[0][0] == "application/json"


def includeme(config: Configurator) -> None:
    """Register the exception views; in an embedding application, for our routes only."""
    config.add_view_predicate("oidcserver_route", OurRoute)
    ours = {"oidcserver_route": True}
    config.add_notfound_view(not_found, **ours)
    config.add_forbidden_view(forbidden, **ours)
    for view, contexts in (
        (rejected, (Rejection,)),
        (foreign_form, (BadCSRFOrigin,)),
        (stale_form, (BadCSRFToken,)),
        (another_account, (AnotherAccount,)),
        (try_later, (TooManyAttempts, Busy)),
        (directory_down, (DirectoryUnavailable,)),
        (database_down, (DBAPIError, PoolTimeoutError)),
        (unexpected, (Exception,)),
    ):
        for context in contexts:
            config.add_exception_view(view, context=context, **ours)
