"""The public keys of a client: registered by value, or published at its ``jwks_uri``."""

from joserfc.jwk import KeySet

from oidcserver.http.outbound import OutboundFetchError
from oidcserver.keys.jwk_set import stored_key_set
from oidcserver.keys.jwt import InvalidJWT
from oidcserver.keys.strict_json import compact
from oidcserver.models import RegisteredClient
from oidcserver.oauth.waiting import waiting_for_a_host
from oidcserver.types import Registry, Request


def read_client_keys(request: Request, client: RegisteredClient, kid: str | None = None) -> KeySet:
    """Return the public keys of a client, for a request (see :func:`client_keys`).

    If they may be fetched, the transaction ends (see :func:`waiting_for_a_host`).

    :raises Rejection: ``temporarily_unavailable``, if too many requests wait already.
    """
    if not client.member("jwks_uri"):
        return client_keys(request.registry, client, kid)
    with waiting_for_a_host(request):
        return client_keys(request.registry, client, kid)


def client_keys(registry: Registry, client: RegisteredClient, kid: str | None = None) -> KeySet:
    """Return the public keys of ``jwks`` or ``jwks_uri`` (RFC 7591 section 2).

    Those of a URI are fetched if they are not cached or lack ``kid``. No transaction should be open
    meanwhile.

    :raises InvalidJWT: if there are no keys, or they cannot be fetched.
    :raises TooManyWaiting: if too many threads wait for other hosts.
    """
    try:
        if uri := client.member("jwks_uri"):
            keys: KeySet = registry.oidc.remote_jwks.keys(uri, kid, client.client_id)
            return keys
        return stored_key_set(compact(client.member("jwks")))
    except (OutboundFetchError, ValueError) as problem:
        raise InvalidJWT(f"the client's keys cannot be had ({problem})") from None
