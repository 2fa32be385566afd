"""The authorization endpoint (RFC 6749 section 3.1)."""

from pyramid.response import Response

from oidcserver.types import Configurator, Request


def authorization(request: Request) -> Response:
    """Send the person to a page, or the client its answer. GET and POST are alike."""
    response: Response = request.oidc.server.create_authorization_response(request)
    return response


def includeme(config: Configurator) -> None:
    """Offer the endpoint."""
    config.add_oauth_endpoint(
        "authorization", "/oauth/authorize", authorization, methods=("GET", "POST")
    )
