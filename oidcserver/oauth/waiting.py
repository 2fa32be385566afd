"""Lets a limited number of requests wait for other hosts, without an open transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

from oidcserver.http.throttling import network_of
from oidcserver.http.waiting import TooManyWaiting
from oidcserver.oauth.errors import Rejection
from oidcserver.texts import _
from oidcserver.types import FetchCause, Request


def cause_of(request: Request, purpose: str, client_id: str = "", *, anybody: bool) -> FetchCause:
    """Return the cause of a fetch that a request makes the server carry out.

    :param purpose: what is fetched. Each purpose has its own limits.
    :param anybody: whether anybody can be the client, or chose the URL.
    """
    return FetchCause(purpose, client_id, network_of(request.remote_addr or ""), anybody)


@contextmanager
def waiting_for_a_host(request: Request, host: str = "") -> Iterator[None]:
    """Commit the transaction and begin a new one, which stays unused until the end of the ``with``.

    No transaction is open in the database while the request waits. Rows that were read before have
    to be read again.

    :param host: the host, if the response may name it. The log always does.
    :raises Rejection: ``temporarily_unavailable``, if too many requests wait already, or too many
        documents were fetched.
    """
    request.oidc.database.commit()
    try:
        yield
    except TooManyWaiting as problem:
        raise _later(problem, host) from None


def _later(problem: TooManyWaiting, host: str) -> Rejection:
    if problem.status_code == 429:
        sentence = _("Too many applications were looked up. Please try again later.")
    else:
        sentence = _("Too many requests are waiting for other hosts right now. Please try again.")
    named = f"{host} was not asked, because of" if host else "The limit is"
    return Rejection(
        "temporarily_unavailable",
        sentence,
        detail=f"{named} {problem.setting}. Try again in {problem.retry_after} seconds.",
        rule="RFC 6585 section 4" if problem.status_code == 429 else "",
        status_code=problem.status_code,
        headers=(("Retry-After", str(problem.retry_after)),),
        received={
            "setting": problem.setting,
            "host": problem.host,
            "retry_after": problem.retry_after,
        },
    )
