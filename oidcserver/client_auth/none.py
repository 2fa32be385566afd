"""none: a public client names itself without a credential (RFC 6749 section 3.2.1)."""

from typing import Any

from oidcserver.client_auth.basic import is_basic, read_basic
from oidcserver.models import RegisteredClient
from oidcserver.oauth.client_authentication import UNKNOWN_CLIENT, ClientAuthenticationFailed

_ASSERTION = ("client_assertion", "client_assertion_type")


class NoAuthentication:
    """The method ``none``: a client's identifier and no credential of any kind.

    It is the ``client_id`` of the body, or the name in a Basic header whose secret is empty, which
    is what many libraries send for a client without one.
    """

    def presented(self, request: Any) -> bool:
        """Say whether the request has an identifier and no credential."""
        return names_client(request)

    def authenticate(self, request: Any, server: Any) -> RegisteredClient:
        """Return the client; if header and body both name one, it has to be the same."""
        client_id = request.form.get("client_id")
        if is_basic(request):
            named, _ = read_basic(request)
            if client_id not in (None, named):
                raise ClientAuthenticationFailed(
                    "The client_id of the body is not that of the header.", client_id=named
                )
            client_id = named
        client: RegisteredClient | None = server.query_client(client_id)
        if client is None:
            raise ClientAuthenticationFailed(UNKNOWN_CLIENT, client_id=client_id)
        return client


def names_client(request: Any) -> bool:
    """Say whether a request names a client and holds no credential.

    An empty secret is none: RFC 6749 section 2.3.1 lets a client leave it out.
    """
    form = request.form
    if is_basic(request):
        try:
            if any(read_basic(request)[1]):
                return False
        except ClientAuthenticationFailed:
            return False
    elif "client_id" not in form or request.authorization_header:
        return False
    return not (form.get("client_secret") or any(name in form for name in _ASSERTION))
