"""Steps that flows share."""

from pyramid.response import Response

from oidcserver.http.cors import allow_registered_origin
from oidcserver.oauth.client_authentication import client_required, prove_client
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.flow import Flowing, Responding
from oidcserver.oauth.rejections import USUAL, record_rejection
from oidcserver.oauth.requests import (
    OAuthRequest,
    Payload,
    read_form,
    reject_query_credentials,
)
from oidcserver.oauth.responses import error_response, json_response


def reject(oauth_request: OAuthRequest, rejection: Rejection) -> Response:
    """Record a rejection and return it as JSON (RFC 6749 section 5.2)."""
    if rejection.error in USUAL:
        return error_response(rejection)
    client = oauth_request.client
    reference = record_rejection(
        oauth_request.request, rejection, client.client_id if client is not None else None
    )
    return error_response(rejection, reference)


def read_parameters(oauth_request: OAuthRequest) -> None:
    """Read the form: no parameter twice, no credentials in the URL (RFC 6749 section 3.2)."""
    reject_query_credentials(oauth_request.request)
    oauth_request.payload = Payload(read_form(oauth_request.request))
    oauth_request.payload.reject_duplicates()


def authenticate_client(oauth_request: OAuthRequest) -> None:
    """Authenticate the client by the credentials that the request has (RFC 6749 section 2.3).

    Whatever credentials it has must hold. A request may have none: some grants name the client
    themselves, and :func:`require_client` rejects the others.
    """
    # Authlib checks the requested scope through the server, without a request.
    oauth_request.request.oidc.server.oauth_request = oauth_request
    prove_client(oauth_request)


def require_client(oauth_request: OAuthRequest) -> None:
    """Require that the client is authenticated."""
    if oauth_request.client is None:
        raise client_required(oauth_request)


def write_response(oauth_request: OAuthRequest) -> None:
    """Write the response, before anything is written that it depends on.

    Pages at the client's redirect URIs may read it (Fetch standard, CORS protocol).
    """
    response = json_response(
        oauth_request.status, oauth_request.answer, oauth_request.answer_headers
    )
    uris = oauth_request.client.redirect_uris
    oauth_request.response = allow_registered_origin(oauth_request.request, response, uris)


def commit(flowing: Flowing) -> None:
    """Write all that the request decides, and what follows from it, or nothing."""
    flowing.outcome.write(flowing.request)


def announce(flowing: Flowing) -> None:
    """Notify the subscribers; one that fails is logged."""
    flowing.outcome.notify(flowing.request)


def respond(flowing: Responding) -> Response:
    """Return the response that was written before the commit."""
    assert flowing.response is not None
    return flowing.response
