"""Counts the fetches from other hosts that requests cause, in rows that all processes share."""

from collections.abc import Callable

from oidcserver.http.throttling import take
from oidcserver.types import FetchCause, Registry

LIMIT = "oauth.client_document_limit"
WINDOW = 60


def counting_fetches(registry: Registry) -> Callable[[FetchCause, str], int]:
    """Return what counts a fetch from a host, and returns 0 or the seconds to wait.

    One client may name any number of hosts, and one host may have any number of documents. One
    network may use a quarter of the fetches from one host, so that others can use its clients too.
    For a client that the operator knows, the network alone counts: strangers must not use up what
    its host may be asked.
    """

    def count(cause: FetchCause, host: str) -> int:
        limit = registry.oidc.provider.settings[LIMIT]
        network = f"{cause.purpose} for {cause.network}"
        limits = [(network, limit)]
        if cause.anybody:
            at_host = f"{cause.purpose} at {host}"
            limits += [(f"{at_host} for {cause.network}", max(1, limit // 4)), (at_host, limit)]
        engine = registry.oidc.database.engine
        return next(filter(None, (take(engine, key, most, WINDOW) for key, most in limits)), 0)

    return count
