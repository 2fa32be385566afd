"""Fetches documents that a request waits for.

They are request objects, sector identifier documents, client ID metadata documents and logos.
"""

import hashlib
import threading
from base64 import urlsafe_b64encode
from collections import OrderedDict
from concurrent.futures import Future

from oidcserver.http.addresses import host_of
from oidcserver.http.waiting import TooManyWaiting, WaitingPlaces
from oidcserver.types import FetchCause, FetchResult, OutboundFetcher

#: Documents that are kept because their URLs have their digests. One has 64 kilobytes at most.
MAX_KEPT = 100
#: Seconds for which a request waits for the fetch of another request. A host that works answers in
#: that time; for any other host only one thread waits.
GRACE = 0.5


class RemoteDocuments:
    """Fetches documents, as far as there are places.

    Requests that want the same document at the same time share one fetch. A document whose digest
    is the fragment of its URL is kept: it cannot change (OpenID Connect Core section 6.2).
    """

    def __init__(self, fetcher: OutboundFetcher, places: WaitingPlaces) -> None:
        self._fetcher = fetcher
        self._places = places
        self._kept: OrderedDict[str, FetchResult] = OrderedDict()  # by URL
        self._under_way: dict[tuple[str, str, int | None], Future[FetchResult]] = {}
        self._lock = threading.Lock()

    def get(
        self, url: str, accept: str, cause: FetchCause, max_bytes: int | None = None
    ) -> FetchResult:
        """Fetch a document.

        :param url: its fragment is not sent; it may be the base64url encoded SHA-256 digest of the
            document.
        :param cause: who makes the server fetch it, and for which client.
        :param max_bytes: the size of the largest body that is accepted.
        :raises OutboundFetchError: as :meth:`OutboundFetcher.get`, or if the host is paused.
        :raises TooManyWaiting: if too many requests wait already, or too many were made.
        """
        address, _, digest = url.partition("#")
        key = address, accept, max_bytes
        own: Future[FetchResult] = Future()
        with self._lock:
            if url in self._kept:
                self._kept.move_to_end(url)
                return self._kept[url]
            under_way = self._under_way.setdefault(key, own)
        if under_way is not own:
            return _wait_for(under_way, address)
        try:
            with self._places.taken(address, cause):
                result = self._fetcher.get(address, accept, max_bytes)
        except BaseException as problem:
            own.set_exception(problem)
            raise
        else:
            own.set_result(result)
        finally:
            with self._lock:
                del self._under_way[key]
        if digest and result.status == 200 and digest == _digest(result.body):
            with self._lock:
                self._kept[url] = result
                while len(self._kept) > MAX_KEPT:
                    self._kept.popitem(last=False)
        return result


def _digest(body: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()


def _wait_for(under_way: Future[FetchResult], url: str) -> FetchResult:
    try:
        return under_way.result(GRACE)
    except TimeoutError:
        raise TooManyWaiting(host_of(url)) from None
