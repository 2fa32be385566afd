"""The response to a rejected authorization request (RFC 6749 section 4.1.2.1)."""

from typing import Any

from pyramid.response import Response

from oidcserver.interfaces import ResponseMode
from oidcserver.models.consent import find_consent
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.flow import run_steps
from oidcserver.oauth.rejections import record_rejection
from oidcserver.oauth.responses import (
    REFERENCE_HEADER,
    Onward,
    destination,
    error_page,
    own_url,
)

#: Rejections that are for the user: another browser's request, or too many of them.
FOR_THE_USER = frozenset({403, 429})


def reject(authorization_request: AuthorizationRequest, rejection: Rejection) -> Response:
    """Return an error page, or send the error to the client if its redirect URI is known."""
    request, client = authorization_request.request, authorization_request.client
    reference = record_rejection(request, rejection, client.client_id if client else None)
    if authorization_request.redirect_uri is None or rejection.status_code in FOR_THE_USER:
        back = own_url(request) if rejection.status_code == 429 else None
        return error_page(request, rejection, reference, back)
    mode = authorization_request.response_mode or authorization_request.mode_for_error
    if mode is None:
        return error_page(request, rejection, reference)
    authorization_request.authorization = None
    authorization_request.response_mode = mode
    authorization_request.parameters = {
        "error": rejection.error,
        "error_description": rejection.description,
    }
    run_steps("authorization_response", authorization_request)
    try:
        if not leaves_unasked(authorization_request):
            return _ask_to_leave(authorization_request, rejection, reference)
        response = send(authorization_request)
    except Rejection:  # the response cannot be protected, and is not sent without protection
        return error_page(request, rejection, reference)
    response.headers[REFERENCE_HEADER] = reference
    return response


def send(authorization_request: AuthorizationRequest) -> Response:
    """Return the response that carries the parameters to the client by the response mode.

    :raises Rejection: if the mode protects them, and cannot do so for this client.
    """
    redirect_uri = authorization_request.redirect_uri
    assert redirect_uri is not None
    mode = authorization_request.provider.response_modes[authorization_request.response_mode]
    return mode.encode(authorization_request, redirect_uri, _sent(authorization_request, mode))


def _sent(authorization_request: AuthorizationRequest, mode: ResponseMode) -> dict[str, str]:
    """Return the parameters that the response mode sends: these, or one JWT that contains them."""
    parameters: dict[str, Any] = authorization_request.parameters
    return parameters if mode.protect is None else mode.protect(authorization_request)


def leaves_unasked(authorization_request: AuthorizationRequest) -> bool:
    """Whether an error may take the user to the client without a question.

    RFC 9700 section 4.11.2 forbids automatic redirects if the redirect URI may belong to an
    attacker, who would use this server's name to send users to another page. The client is trusted
    if the operator registered it, or if it had an initial access token or a software statement, or
    if this user has allowed it access since it changed last. Any other client may have registered
    itself for this purpose.

    ``prompt=none`` is the silent case of that section, in which OpenID Connect Core section 3.1.2.1
    allows no page: its errors go to the client, unless the browser opens a top-level page
    (``Sec-Fetch-Dest: document``), which a silent request from a frame never does.
    """
    client, request = authorization_request.client, authorization_request.request
    if client is None or not client.self_registered:
        return True
    session = request.oidc.login_session
    database = request.oidc.database
    consent = session and find_consent(database, session.user_id, client.client_id)
    if consent and consent.updated_at > client.updated_at:
        return True
    silent = authorization_request.data.get("prompt", "").split() == ["none"]
    return silent and request.headers.get("Sec-Fetch-Dest") != "document"


def _ask_to_leave(
    authorization_request: AuthorizationRequest, rejection: Rejection, reference: str
) -> Response:
    """Show the error with a link to the client, instead of a redirect."""
    request, redirect_uri = authorization_request.request, authorization_request.redirect_uri
    assert redirect_uri is not None
    mode = authorization_request.provider.response_modes[authorization_request.response_mode]
    if mode.posts:
        request.oidc.content_security_policy.let_forms_leave()
        url, fields = redirect_uri, _sent(authorization_request, mode)
    else:
        url, fields = send(authorization_request).location, {}
    # A response mode that answers with a page has no URL to link to.
    onward = Onward(destination(redirect_uri), url, fields) if url else None
    return error_page(request, rejection, reference, onward=onward)
