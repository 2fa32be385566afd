"""none: a public client says who it is, in the body alone (RFC 6749 section 3.2.1)."""

from typing import Any

from oidcserver.models import Client
from oidcserver.oauth.client_authentication import (
    CREDENTIAL_PARAMETERS,
    UNKNOWN_CLIENT,
    ClientAuthenticationFailed,
)


class NoAuthentication:
    """The method ``none``: a ``client_id`` in the body and no credential of any kind."""

    def presented(self, request: Any) -> bool:
        """Say whether there is a ``client_id`` alone."""
        form = request.form
        return (
            "client_id" in form
            and not request.headers.get("Authorization")
            and not any(name in form for name in CREDENTIAL_PARAMETERS)
        )

    def authenticate(self, request: Any, server: Any) -> Client:
        """Return the client of that identifier."""
        client_id = request.form["client_id"]
        client: Client | None = server.query_client(client_id)
        if client is None:
            raise ClientAuthenticationFailed(UNKNOWN_CLIENT, client_id=client_id)
        return client
