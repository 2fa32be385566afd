"""A client authentication method: the client sends its identifier and secret in a header."""

from typing import Any

from oidcserver.oauth.client_authentication import ClientAuthenticationFailed
from oidcserver.types import Configurator

HEADER = "X-Client"


class HeaderAuthentication:
    """``X-Client: CLIENT_ID/CLIENT_SECRET``, as a gateway of the company sends it."""

    def presented(self, request: Any) -> bool:
        """Say whether the request has the header."""
        return HEADER in request.headers

    def authenticate(self, request: Any, server: Any) -> Any:
        """Return the client, if the secret is the client's."""
        client_id, _, secret = request.headers[HEADER].partition("/")
        client = server.query_client(client_id)
        if client is None or not client.check_client_secret(secret):
            raise ClientAuthenticationFailed(
                "The secret of X-Client is wrong.", client_id=client_id
            )
        return client


def includeme(config: Configurator) -> None:
    """Offer the method for ``oauth.token_endpoint_auth_methods``."""
    config.add_client_authentication_method("x_header", HeaderAuthentication())
