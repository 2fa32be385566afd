"""Fetches documents that a request waits for: request objects and sector identifier documents."""

import threading
from collections import OrderedDict

from oidcserver import clock
from oidcserver.http.outbound import HostTimedOut, OutboundFetchError
from oidcserver.http.waiting import WaitingPlaces
from oidcserver.types import Fetcher, FetchResult

#: URLs that are remembered because they timed out.
MAX_REMEMBERED = 1000


def failure_interval(timeout: float) -> float:
    """Return for how many seconds a failure is remembered: longer than the timeout."""
    return max(10.0, 2 * timeout)


class RemoteDocuments:
    """Fetches a limited number of documents at once, and none from a URL that just timed out."""

    def __init__(self, fetcher: Fetcher, places: WaitingPlaces) -> None:
        self._fetcher = fetcher
        self._places = places
        self._timed_out: OrderedDict[str, int] = OrderedDict()  # when, by URL
        self._lock = threading.Lock()

    def get(self, url: str, accept: str, client_id: str = "") -> FetchResult:
        """Fetch a document.

        :param client_id: the client that the document belongs to.
        :raises OutboundFetchError: as :meth:`Fetcher.get`.
        :raises TooManyWaiting: if too many requests wait already.
        """
        interval = failure_interval(self._fetcher.timeout)
        with self._lock:
            timed_out = self._timed_out.get(url)
        if timed_out is not None and 0 <= clock.now() - timed_out < interval:
            raise OutboundFetchError("The host did not answer a moment ago.")
        with self._places.taken(url, client_id):
            try:
                return self._fetcher.get(url, accept)
            except HostTimedOut:
                self._remember(url)
                raise

    def _remember(self, url: str) -> None:
        with self._lock:
            self._timed_out[url] = clock.now()
            self._timed_out.move_to_end(url)
            while len(self._timed_out) > MAX_REMEMBERED:
                self._timed_out.popitem(last=False)
