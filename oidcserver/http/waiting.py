"""The one way to other hosts for whatever a request waits for: it counts, and limits the waiting.

A host that does not answer occupies a thread until the timeout. Without limits, a few such hosts,
which anybody may register, would occupy every thread of the process.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from oidcserver.http.addresses import host_of
from oidcserver.http.exchange import HostTimedOut, OutboundFetchError
from oidcserver.http.slowness import Pauses, WaitedTime
from oidcserver.types import OPERATOR, FetchCause

#: Seconds after which the client may try again (Retry-After).
RETRY_SECONDS = 5


class TooManyWaiting(Exception):
    """Nothing is fetched now, for the sake of others: there is no place.

    :param host: the host that would have been asked; empty if there is none.
    :param retry_after: seconds after which the client may try again.
    """

    #: The status of the answer, and the setting with the limit.
    status_code, setting = 503, "oauth.outbound_places"

    def __init__(self, host: str = "", retry_after: int = RETRY_SECONDS) -> None:
        super().__init__("Too many requests wait for other hosts.")
        self.host = host
        self.retry_after = retry_after


class WaitedTooLong(TooManyWaiting):
    """Requests of this network have waited for slow hosts for as long as they may in a minute."""

    status_code, setting = 429, "oauth.outbound_timeout"


class TooManyFetches(TooManyWaiting):
    """This network, or everybody, has caused as many fetches as a minute may have."""

    status_code, setting = 429, "oauth.client_document_limit"


class HostPaused(OutboundFetchError):
    """The host did not answer in time a while ago, and is not asked yet."""


class WaitingPlaces:
    """The places for requests that wait for other hosts; one object serves every thread.

    Clients that anybody can be have half of the places together, so that whatever hosts they name,
    the other clients have the rest. Of these places or of that half, one host, one client and one
    network of users may take half, so that a slow one leaves places for the others.

    :param places: the number of places in a process.
    :param timeout: seconds that a fetch may take.
    :param count: counts a fetch from a host; it returns 0, or the seconds to wait.
    """

    def __init__(
        self,
        places: int,
        *,
        timeout: float = 5.0,
        count: Callable[[FetchCause, str], int] = lambda cause, host: 0,
    ) -> None:
        self._places = places
        self._timeout = timeout
        self._count = count
        self._pauses = Pauses(timeout)
        self._waited = WaitedTime(timeout)
        self._taken: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, url: str = "", cause: FetchCause = OPERATOR) -> Iterator[None]:
        """Hold a place until the end of the ``with``, in which the URL is fetched.

        :param url: the URL; empty if what is waited for has several, or the operator chose it.
        :raises TooManyWaiting: at once, if there is no place, or the network is over a limit.
        :raises HostPaused: at once, if the host did not answer the client a while ago.
        """
        host = host_of(url)
        # The pause is for one client: another client may depend on the same host.
        asked = (cause.purpose, cause.client_id, host)
        if host and (pause := self._pauses.left(asked)):
            raise HostPaused(
                f"The host did not answer in time. It is asked again in {pause} seconds."
            )
        timed = cause.network if cause.anybody else None
        if timed is not None and (wait := self._waited.left(timed)):
            raise WaitedTooLong(host, wait)
        with self._place(host, cause):
            if cause.network is not None and cause.counted and (wait := self._count(cause, host)):
                raise TooManyFetches(host, wait)
            began, least = time.monotonic(), 0.0
            try:
                yield
            except HostTimedOut:
                least = self._timeout  # which the socket may end a moment early
                if host:
                    self._pauses.begin(asked)
                raise
            else:
                self._pauses.forget(asked)
            finally:
                if timed is not None:
                    self._waited.add(timed, max(least, time.monotonic() - began))

    @contextmanager
    def _place(self, host: str, cause: FetchCause) -> Iterator[None]:
        share = self._places
        limits = {("all", ""): share}
        if cause.anybody:
            share = max(1, share // 2)
            limits["anybody", ""] = share
        parts = [("host", host), ("client", cause.client_id)]
        if cause.anybody and cause.network is not None:
            parts.append(("network", cause.network or "-"))
        limits |= {part: max(1, share // 2) for part in parts if part[1]}
        with self._lock:
            if any(self._taken[part] >= limit for part, limit in limits.items()):
                raise TooManyWaiting(host)
            self._taken.update(limits.keys())
        try:
            yield
        finally:
            with self._lock:
                self._taken.subtract(limits.keys())
                self._taken += Counter()  # removes the entries at zero
