"""client_secret_jwt: an assertion signed with the client's secret (OpenID Connect Core 9)."""

from joserfc.jwk import OctKey

from oidcserver.client_auth.assertion import AssertionMethod
from oidcserver.clients.registration import read_client_secrets
from oidcserver.credentials import CLIENT_SECRET, new_credential
from oidcserver.keys.jwt import SECRET_ALGORITHMS
from oidcserver.models import RegisteredClient
from oidcserver.oauth.server import AuthorizationServer

#: Used as the secret if the client does not exist, so that a guess takes the same time.
_NOBODYS_SECRET = new_credential(CLIENT_SECRET)


class ClientSecretJWT(AssertionMethod):
    """The method ``client_secret_jwt``."""

    name = "client_secret_jwt"
    algorithms = SECRET_ALGORITHMS

    def keys(
        self, server: AuthorizationServer, client: RegisteredClient | None, kid: str | None
    ) -> list[OctKey]:
        """Return the valid secrets; there are two for a while after a rotation."""
        secrets = (
            [_NOBODYS_SECRET] if client is None else read_client_secrets(server.provider, client)
        )
        return [OctKey.import_key(secret) for secret in secrets]
