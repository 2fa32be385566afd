"""The public keys of a client: registered by value, or published at its ``jwks_uri``."""

from joserfc.jwk import KeySet

from oidcserver.http.outbound import OutboundFetchError
from oidcserver.keys.jwk_set import stored_key_set
from oidcserver.keys.jwt import InvalidJWT
from oidcserver.keys.strict_json import compact
from oidcserver.models import RegisteredClient
from oidcserver.oauth.waiting import cause_of, waiting_for_a_host
from oidcserver.types import FetchCause, Registry, Request

_PURPOSE = "keys"


def read_client_keys(request: Request, client: RegisteredClient, kid: str | None = None) -> KeySet:
    """Return the public keys of a client, for a request (see :func:`client_keys`).

    If they may be fetched, the transaction ends (see :func:`waiting_for_a_host`).

    :raises Rejection: ``temporarily_unavailable``, if too many requests wait already.
    """
    if not client.member("jwks_uri"):
        return client_keys(request.registry, client, kid)
    cause = None
    if client.self_registered:  # the hosts of other clients are the operator's choice
        cause = cause_of(request, _PURPOSE, client.client_id, anybody=True)
    with waiting_for_a_host(request):
        return client_keys(request.registry, client, kid, cause)


def client_keys(
    registry: Registry,
    client: RegisteredClient,
    kid: str | None = None,
    cause: FetchCause | None = None,
) -> KeySet:
    """Return the public keys of ``jwks`` or ``jwks_uri`` (RFC 7591 section 2).

    Those of a URI are fetched if they are not cached or lack ``kid``. No transaction should be open
    meanwhile.

    :param cause: by default the client alone, and no request.
    :raises InvalidJWT: if there are no keys, or they cannot be fetched.
    :raises TooManyWaiting: if too many threads wait for other hosts.
    """
    if cause is None:
        cause = FetchCause(_PURPOSE, client.client_id, anybody=client.self_registered)
    try:
        if uri := client.member("jwks_uri"):
            keys: KeySet = registry.oidc.remote_jwks.keys(uri, kid, cause)
            return keys
        return stored_key_set(compact(client.member("jwks")))
    except (OutboundFetchError, ValueError) as problem:
        raise InvalidJWT(f"the client's keys cannot be had ({problem})") from None
