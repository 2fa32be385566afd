"""Who is the client: one dispatcher, exactly one method (RFC 6749 section 2.3)."""

from typing import Any

from oidcserver.models import Client
from oidcserver.oauth.errors import invalid_client, invalid_request
from oidcserver.oauth.requests import PyramidOAuth2Request


def authenticate_client(server: Any, request: PyramidOAuth2Request) -> Client:
    """Return the client that the request proves, by the one method that it registered.

    :raises Rejection: invalid_request for several methods at once; otherwise the same
        invalid_client for every failure.
    """
    methods = server.provider.client_authentication_methods
    presented = [name for name, method in methods.items() if method.presented(request)]
    if len(presented) > 1:
        raise invalid_request(
            "The request authenticates the client in more than one way.",
            "RFC 6749 section 2.3",
            methods=presented,
        )
    if presented:
        client: Client | None = methods[presented[0]].authenticate(request, server)
        if client is not None and client.token_endpoint_auth_method == presented[0]:
            request.client = client
            request.auth_method = presented[0]
            return client
    raise invalid_client()
