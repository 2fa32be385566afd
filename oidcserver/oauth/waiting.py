"""A request that waits for another host: without a transaction, and not too many at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from oidcserver.oauth.errors import Rejection
from oidcserver.security.waiting import TooManyWaiting


@contextmanager
def waiting_for_a_host(request: Any) -> Iterator[None]:
    """Begin a new transaction, which nothing is done in until the end of the ``with``.

    What was done in the one before is committed, what was read in it has to be read anew: while
    somebody else takes their time no transaction is open.

    :raises Rejection: ``temporarily_unavailable``, if too many requests wait already.
    """
    request.tm.commit()
    request.tm.begin()
    try:
        yield
    except TooManyWaiting as problem:
        raise Rejection(
            "temporarily_unavailable",
            "Too many requests wait for other hosts at this moment. Please try again.",
            status_code=503,
            headers=(("Retry-After", str(problem.retry_after)),),
            received={"setting": "oauth.outbound_places"},
        ) from None
