"""Which pages may read an answer: those at the client's own redirect URIs."""

from typing import Any

from pyramid.response import Response

from oidcserver.security.cors import allow_registered_origin, origin_of


def readable_by_client(request: Any, response: Response) -> Response:
    """Let the pages of the request's client read the response (Fetch standard)."""
    oauth_request = request.authorization_server.oauth_request
    if oauth_request is not None and oauth_request.client is not None:
        origins: set[str] = set()
        if "Origin" in request.headers:
            uris = oauth_request.client.redirect_uris
            origins = {origin for uri in uris if (origin := origin_of(uri))}
        allow_registered_origin(request, response, origins)
    return response
