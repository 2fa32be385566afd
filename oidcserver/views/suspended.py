"""The authorization request that a page is about: it came with a ``request_uri``."""

from typing import Any

from pyramid.response import Response

from oidcserver.models import SuspendedRequest
from oidcserver.models.suspended_request import find_suspended_request
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.responses import error_page, see_other
from oidcserver.operations.rejections import record_rejection


def is_known(request: Any) -> bool:
    """Whether the page's ``request_uri`` names a request that is still kept, live or not."""
    request_uri = request.GET.get("request_uri", "")
    return find_suspended_request(request.dbsession, request_uri) is not None


def refuse(request: Any, rejection: Rejection) -> Response:
    """Answer a request that a page cannot go on with.

    Another browser's gets a page. What else is wrong is told by the authorization endpoint, which
    knows whether the application may hear of it.
    """
    if rejection.status_code != 403:
        return see_other(authorization_url(request, request.GET.get("request_uri", "")))
    reference = record_rejection(request, rejection, request.GET.get("client_id"))
    return error_page(request, rejection, reference)


def needs(authorization_request: AuthorizationRequest, route_name: str) -> bool:
    """Whether the request needs the person on that page, as far as the page can tell."""
    interactions = authorization_request.provider.interactions
    return any(
        interaction.needed(authorization_request) is not None
        for interaction in interactions
        if interaction.route_name == route_name
    )


def open_row(authorization_request: AuthorizationRequest) -> tuple[str, SuspendedRequest]:
    """Return the ``request_uri`` and the row that takes what the person answers.

    A page may have been left open until its request expired, or be reached by the back button
    after it was answered: then it goes on with a new row, so that nothing is asked twice.
    """
    request = authorization_request.http_request
    row = authorization_request.suspended
    window = request.provider.settings["oidc.repeat_window"]
    if row is not None and (row.used_at is None or request.now < row.used_at + window):
        return authorization_request.request_uri, row
    request_uri = authorization_request.suspend()
    row = find_suspended_request(request.dbsession, request_uri)
    assert row is not None
    return request_uri, row


def authorization_url(request: Any, request_uri: str) -> str:
    """Return where the request goes on."""
    query = {"client_id": request.GET.get("client_id", ""), "request_uri": request_uri}
    url: str = request.provider_url("authorization_endpoint", _query=query)
    return url
