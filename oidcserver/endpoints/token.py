"""The token endpoint (RFC 6749 section 3.2)."""

from typing import Any

from pyramid.response import Response

from oidcserver.endpoints.cors import readable_by_client


def token(request: Any) -> Response:
    """Answer a token request."""
    response: Response = request.authorization_server.create_token_response(request)
    return readable_by_client(request, response)


def includeme(config: Any) -> None:
    """Offer the endpoint; curl's ``-F`` sends multipart."""
    config.add_oauth_endpoint("token", "/oauth/token", token, cors=True, multipart=True)
