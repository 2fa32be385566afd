"""The token endpoint (RFC 6749 section 3.2)."""

from pyramid.response import Response

from oidcserver.endpoints.cors import readable_by_client
from oidcserver.types import Configurator, Request


def token(request: Request) -> Response:
    """Answer a token request."""
    response: Response = request.oidc.server.create_token_response(request)
    return readable_by_client(request, response)


def includeme(config: Configurator) -> None:
    """Offer the endpoint; curl's ``-F`` sends multipart."""
    config.add_oauth_endpoint(
        "token", "/oauth/token", token, cors=True, multipart=True, transaction=False
    )
