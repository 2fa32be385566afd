"""client_secret_jwt: an assertion under the client's secret (OpenID Connect Core section 9)."""

from typing import Any

from joserfc.jwk import OctKey

from oidcserver.client_auth.assertion import AssertionMethod
from oidcserver.clients.registration import read_client_secrets
from oidcserver.credentials import CLIENT_SECRET, new_credential
from oidcserver.keys.jwt import SECRET_ALGORITHMS
from oidcserver.models import RegisteredClient

#: Stands in for the secret of a client that does not exist, so that a guess takes as long there.
_NOBODYS_SECRET = new_credential(CLIENT_SECRET)


class ClientSecretJWT(AssertionMethod):
    """The method ``client_secret_jwt``."""

    name = "client_secret_jwt"
    algorithms = SECRET_ALGORITHMS

    def keys(self, server: Any, client: RegisteredClient | None, kid: str | None) -> list[OctKey]:
        """Return the secrets that hold now: two for a while after a rotation."""
        secrets = (
            [_NOBODYS_SECRET] if client is None else read_client_secrets(server.provider, client)
        )
        return [OctKey.import_key(secret) for secret in secrets]
