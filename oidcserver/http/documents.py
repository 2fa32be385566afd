"""Fetches documents that a request waits for.

They are request objects, sector identifier documents and client ID metadata documents.
"""

import threading
from collections import OrderedDict
from concurrent.futures import Future

from oidcserver import clock
from oidcserver.http.outbound import HostTimedOut, OutboundFetchError
from oidcserver.http.waiting import TooManyWaiting, WaitingPlaces
from oidcserver.types import FetchResult, OutboundFetcher

#: URLs that are remembered because they timed out.
MAX_REMEMBERED = 1000
#: Seconds for which a request waits for the fetch of another request. A host that works answers in
#: that time; for any other host only one thread waits.
GRACE = 0.5


def failure_interval(timeout: float) -> float:
    """Return for how many seconds a failure is remembered: longer than the timeout."""
    return max(10.0, 2 * timeout)


class RemoteDocuments:
    """Fetches a limited number of documents at once, and none from a URL that just timed out.

    Requests that want the same document at the same time share one fetch.
    """

    def __init__(self, fetcher: OutboundFetcher, places: WaitingPlaces) -> None:
        self._fetcher = fetcher
        self._places = places
        self._timed_out: OrderedDict[str, int] = OrderedDict()  # when, by URL
        self._under_way: dict[tuple[str, str, int | None], Future[FetchResult]] = {}
        self._lock = threading.Lock()

    def get(
        self, url: str, accept: str, client_id: str = "", max_bytes: int | None = None
    ) -> FetchResult:
        """Fetch a document.

        :param client_id: the client that the document belongs to.
        :param max_bytes: the size of the largest body that is accepted.
        :raises OutboundFetchError: as :meth:`OutboundFetcher.get`.
        :raises TooManyWaiting: if too many requests wait already.
        """
        interval = failure_interval(self._fetcher.timeout)
        key = url, accept, max_bytes
        own: Future[FetchResult] = Future()
        with self._lock:
            timed_out = self._timed_out.get(url)
            if timed_out is not None and 0 <= clock.now() - timed_out < interval:
                raise OutboundFetchError("The host did not answer a moment ago.")
            under_way = self._under_way.setdefault(key, own)
        if under_way is not own:
            return _wait_for(under_way)
        try:
            with self._places.taken(url, client_id):
                result = self._fetch(url, accept, max_bytes)
        except BaseException as problem:
            own.set_exception(problem)
            raise
        else:
            own.set_result(result)
            return result
        finally:
            with self._lock:
                del self._under_way[key]

    def _fetch(self, url: str, accept: str, max_bytes: int | None) -> FetchResult:
        try:
            return self._fetcher.get(url, accept, max_bytes)
        except HostTimedOut:
            with self._lock:
                self._timed_out[url] = clock.now()
                self._timed_out.move_to_end(url)
                while len(self._timed_out) > MAX_REMEMBERED:
                    self._timed_out.popitem(last=False)
            raise


def _wait_for(under_way: Future[FetchResult]) -> FetchResult:
    try:
        return under_way.result(GRACE)
    except TimeoutError:
        raise TooManyWaiting from None
