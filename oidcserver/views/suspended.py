"""The authorization request that a page asks about: the page's ``request_uri`` names it."""

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.models import SuspendedRequest
from oidcserver.models.suspended_request import find_suspended_request
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import as_rejection
from oidcserver.oauth.flow import run_steps
from oidcserver.oauth.rejections import record_rejection
from oidcserver.oauth.requests import OAuthRequest, read_query
from oidcserver.oauth.responses import error_page, see_other
from oidcserver.oauth.resuming import find_request, resume
from oidcserver.types import Request


def read_request(request: Request) -> AuthorizationRequest | None:
    """Return the validated request that the page's ``request_uri`` names; None if it is not known.

    :raises OAuth2Error: if another browser started it, or if it is not valid any more.
    """
    if find_request(request, request_uri(request)) is None:
        return None
    asking = AuthorizationRequest(OAuthRequest(request, read_query(request)))
    resume(asking)
    run_steps("authorization_request", asking)
    return asking


def request_uri(request: Request) -> str:
    """Return the ``request_uri`` of the page's query, or an empty text."""
    values = request.GET.getall("request_uri")
    return values[0] if len(values) == 1 else ""


def reject(request: Request, error: OAuth2Error) -> Response:
    """Answer a request that a page cannot continue.

    A request that another browser started gets an error page. All other errors are left to the
    authorization endpoint, which knows whether to redirect them to the client.
    """
    rejection = as_rejection(error)
    if rejection.status_code != 403:
        return go_on(request)
    reference = record_rejection(request, rejection, request.GET.get("client_id"))
    return error_page(request, rejection, reference)


def go_on(request: Request, reference: str | None = None) -> Response:
    """Redirect to the authorization endpoint with a ``request_uri``, by default the page's."""
    query = {
        "client_id": request.GET.get("client_id", ""),
        "request_uri": reference or request_uri(request),
    }
    return see_other(request.oidc.url("oidc.authorization_endpoint", _query=query))


def needs(authorization_request: AuthorizationRequest, route_name: str) -> bool:
    """Whether an interaction of that page is needed for the request."""
    interactions = authorization_request.provider.interactions
    return any(
        interaction.needed(authorization_request) is not None
        for interaction in interactions
        if interaction.route_name == route_name
    )


def open_row(authorization_request: AuthorizationRequest) -> tuple[str, SuspendedRequest]:
    """Return the ``request_uri`` and the row that stores the user's answers.

    A new row is made if there is none yet, because no user has signed in, if the request expired
    while the page was open, or if the user returned by the back button after answering it.
    """
    request = authorization_request.request
    row = authorization_request.suspended
    window = request.oidc.provider.settings["oidc.repeat_window"]
    if row is not None and (row.used_at is None or request.oidc.now < row.used_at + window):
        return authorization_request.request_uri, row
    reference = authorization_request.store()
    row = find_suspended_request(request.oidc.dbsession, reference)
    assert row is not None
    return reference, row
