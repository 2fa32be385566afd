"""client_secret_basic and client_secret_post (RFC 6749 section 2.3.1)."""

from oidcserver import clock
from oidcserver.client_auth.basic import is_basic, read_basic
from oidcserver.client_auth.none import names_client
from oidcserver.credentials import CLIENT_SECRET, digest, new_credential
from oidcserver.models import Client, RegisteredClient
from oidcserver.oauth.client_authentication import UNKNOWN_CLIENT, ClientAuthenticationFailed
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.server import AuthorizationServer

#: Used if the client does not exist, so that a guess takes the same time.
_NOBODY = Client(client_metadata={}, secret_digest=digest(new_credential(CLIENT_SECRET)))


class ClientSecretBasic:
    """The method ``client_secret_basic``: HTTP Basic (RFC 7617)."""

    def presented(self, oauth_request: OAuthRequest) -> bool:
        """Return whether the Authorization header is Basic and has a secret."""
        return is_basic(oauth_request) and not names_client(oauth_request)

    def authenticate(
        self, oauth_request: OAuthRequest, server: AuthorizationServer
    ) -> RegisteredClient:
        """Return the client of the header; a ``client_id`` in the body has to be the same."""
        client_id, secrets = read_basic(oauth_request)
        if oauth_request.form.get("client_id", client_id) != client_id:
            raise ClientAuthenticationFailed(
                "The client_id of the body is not that of the header.", client_id=client_id
            )
        return _authenticate(server, client_id, secrets)


class ClientSecretPost:
    """The method ``client_secret_post``: identifier and secret in the body."""

    def presented(self, oauth_request: OAuthRequest) -> bool:
        """Return whether there is a ``client_secret`` that is not empty."""
        return bool(oauth_request.form.get("client_secret"))

    def authenticate(
        self, oauth_request: OAuthRequest, server: AuthorizationServer
    ) -> RegisteredClient:
        """Return the client of the body."""
        form = oauth_request.form
        return _authenticate(server, form.get("client_id", ""), (form["client_secret"],))


def _authenticate(
    server: AuthorizationServer, client_id: str, secrets: tuple[str, ...]
) -> RegisteredClient:
    client: RegisteredClient | None = server.query_client(client_id)
    matches = [(client or _NOBODY).check_client_secret(secret) for secret in secrets]
    if client is None or not any(matches):
        raise ClientAuthenticationFailed(
            _reason(client), "RFC 6749 section 2.3.1", client_id=client_id
        )
    return client


def _reason(client: RegisteredClient | None) -> str:
    if client is None:
        return UNKNOWN_CLIENT
    if client.secret_digest is None:
        return "The client has no secret."
    if 0 < client.secret_expires_at <= clock.now():
        return "The client's secret has expired, or another one was sent."
    return "The secret is not the client's."
