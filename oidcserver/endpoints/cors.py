"""Which pages may read an answer: those at the client's own redirect URIs."""

from pyramid.response import Response

from oidcserver.http.cors import allow_registered_origin
from oidcserver.types import Request


def readable_by_client(request: Request, response: Response) -> Response:
    """Let the pages of the request's client read the response (Fetch standard)."""
    oauth_request = request.oidc.server.oauth_request
    if oauth_request is not None and oauth_request.client is not None:
        allow_registered_origin(request, response, oauth_request.client.redirect_uris)
    return response
