"""The authorization endpoint (RFC 6749 section 3.1)."""

from typing import Any

from pyramid.response import Response


def authorization(request: Any) -> Response:
    """Send the person to a page, or the client its answer. GET and POST are alike."""
    response: Response = request.authorization_server.create_authorization_response(request)
    return response


def includeme(config: Any) -> None:
    """Offer the endpoint."""
    config.add_oauth_endpoint(
        "authorization", "/oauth/authorize", authorization, methods=("GET", "POST")
    )
