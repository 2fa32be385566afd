"""Lets a limited number of requests wait for other hosts, without an open transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

from oidcserver.http.waiting import TooManyWaiting
from oidcserver.oauth.errors import Rejection
from oidcserver.texts import _
from oidcserver.types import Request


@contextmanager
def waiting_for_a_host(request: Request) -> Iterator[None]:
    """Commit the transaction and begin a new one, which stays unused until the end of the ``with``.

    No transaction is open in the database while the request waits. Rows that were read before have
    to be read again.

    :raises Rejection: ``temporarily_unavailable``, if too many requests wait already.
    """
    request.oidc.database.commit()
    try:
        yield
    except TooManyWaiting as problem:
        raise Rejection(
            "temporarily_unavailable",
            _("Too many requests are waiting for other hosts right now. Please try again."),
            status_code=503,
            headers=(("Retry-After", str(problem.retry_after)),),
            received={"setting": "oauth.outbound_places"},
        ) from None
