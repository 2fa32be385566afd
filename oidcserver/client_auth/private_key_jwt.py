"""private_key_jwt: an assertion signed with the client's key (OpenID Connect Core section 9)."""

from joserfc.jwk import KeySet

from oidcserver.client_auth.assertion import AssertionMethod
from oidcserver.clients.keys import read_client_keys
from oidcserver.keys.jwt import CLIENT_ALGORITHMS, InvalidJWT
from oidcserver.models import RegisteredClient
from oidcserver.oauth.server import AuthorizationServer


class PrivateKeyJWT(AssertionMethod):
    """The method ``private_key_jwt``, with keys of the registered ``jwks`` or ``jwks_uri``."""

    name = "private_key_jwt"
    algorithms = CLIENT_ALGORITHMS

    def keys(
        self, server: AuthorizationServer, client: RegisteredClient | None, kid: str | None
    ) -> list[KeySet]:
        """Return the client's public keys.

        An unknown client is rejected at once: there is no key to spend the same time with, and an
        identifier is not a secret (RFC 6749 section 2.2).
        """
        if client is None:
            raise InvalidJWT("there is no client")
        return [read_client_keys(server.request, client, kid)]
