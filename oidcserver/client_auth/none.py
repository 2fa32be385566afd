"""none: a public client names itself without a credential (RFC 6749 section 3.2.1)."""

from oidcserver.client_auth.basic import is_basic, read_basic
from oidcserver.models import RegisteredClient
from oidcserver.oauth.client_authentication import UNKNOWN_CLIENT, ClientAuthenticationFailed
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.server import AuthorizationServer

_ASSERTION = ("client_assertion", "client_assertion_type")


class NoAuthentication:
    """The method ``none``: a client's identifier and no credential of any kind.

    The identifier is the ``client_id`` of the body, or the name in a Basic header with an empty
    secret: many libraries send such a header for a client without a secret.
    """

    def presented(self, oauth_request: OAuthRequest) -> bool:
        """Return whether the request has an identifier and no credential."""
        return names_client(oauth_request)

    def authenticate(
        self, oauth_request: OAuthRequest, server: AuthorizationServer
    ) -> RegisteredClient:
        """Return the client; header and body must not name different clients."""
        client_id = oauth_request.form.get("client_id")
        if is_basic(oauth_request):
            named, _ = read_basic(oauth_request)
            if client_id not in (None, named):
                raise ClientAuthenticationFailed(
                    "The client_id of the body is not that of the header.", client_id=named
                )
            client_id = named
        client: RegisteredClient | None = server.query_client(client_id or "")
        if client is None:
            raise ClientAuthenticationFailed(UNKNOWN_CLIENT, client_id=client_id)
        return client


def names_client(oauth_request: OAuthRequest) -> bool:
    """Return whether a request names a client and has no credential.

    An empty secret is no credential: RFC 6749 section 2.3.1 lets a client leave it out.
    """
    form = oauth_request.form
    if is_basic(oauth_request):
        try:
            if any(read_basic(oauth_request)[1]):
                return False
        except ClientAuthenticationFailed:
            return False
    elif "client_id" not in form or oauth_request.authorization_header:
        return False
    return not (form.get("client_secret") or any(name in form for name in _ASSERTION))
