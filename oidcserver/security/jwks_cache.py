"""The JWK Sets that clients publish at their jwks_uri, kept for a short time in this process.

A client rotates its keys by publishing a new one and using it (OpenID Connect Core section
10.1.1), so an unknown ``kid`` is a reason to fetch again; but anybody can send an unknown kid, so
one URI is asked once in ten seconds at most, whatever comes in, and by one thread at a time.
"""

import json
import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass

from joserfc.jwk import KeySet

from oidcserver import clock
from oidcserver.security.jwk_set import public_key_set
from oidcserver.security.outbound import OutboundFetcher, OutboundFetchError

_ACCEPT = "application/jwk-set+json, application/json"


@dataclass(slots=True)
class _Entry:
    keys: KeySet | None
    fetched_at: int  # when the keys came
    tried_at: int  # when the URI was last asked, with whatever result
    reason: str  # why the last try failed, or empty


class RemoteJWKS:
    """The keys behind each jwks_uri. One object serves every thread.

    :param max_age: seconds that keys are used without asking again. What the answer says of
        caching is not read: a withdrawn key must be gone after this time.
    :param min_interval: seconds between two fetches of one URI; so long a failure is kept too.
    :param max_entries: URIs that are remembered; the one least recently used goes first.
    """

    def __init__(
        self,
        fetcher: OutboundFetcher,
        *,
        max_age: int = 300,
        min_interval: int = 10,
        max_entries: int = 1000,
    ) -> None:
        self._fetcher = fetcher
        self._max_age = max_age
        self._min_interval = min_interval
        self._max_entries = max_entries
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._under_way: dict[str, Future[_Entry]] = {}
        self._lock = threading.Lock()

    def keys(self, uri: str, kid: str | None = None) -> KeySet:
        """Return the public keys at ``uri``.

        With a ``kid`` that is not among the known keys they are fetched again, if the URI was not
        asked a moment ago; the kid may be missing from what is returned all the same. A failed
        fetch does not take away keys that are still fresh.

        :raises OutboundFetchError: if there are no fresh keys and none could be fetched.
        """
        with self._lock:
            entry = self._entries.get(uri)
            if entry is not None:
                self._entries.move_to_end(uri)
                if self._answers(entry, kid):
                    return self._keys_of(entry)
            future = self._under_way.get(uri)
            mine = future is None
            if future is None:
                future = self._under_way[uri] = Future()
        if mine:
            self._fetch(uri, entry, future)
        return self._keys_of(future.result())

    def _answers(self, entry: _Entry, kid: str | None) -> bool:
        if 0 <= clock.now() - entry.tried_at < self._min_interval:
            return True
        return self._is_fresh(entry) and (
            kid is None or any(key.kid == kid for key in entry.keys or ())
        )

    def _is_fresh(self, entry: _Entry) -> bool:
        return entry.keys is not None and 0 <= clock.now() - entry.fetched_at < self._max_age

    def _keys_of(self, entry: _Entry) -> KeySet:
        if entry.keys is None or not self._is_fresh(entry):
            raise OutboundFetchError(entry.reason)
        return entry.keys

    def _fetch(self, uri: str, known: _Entry | None, future: Future[_Entry]) -> None:
        """Ask the URI and give the entry to every thread that waits for ``future``."""
        try:
            now = clock.now()
            try:
                entry = _Entry(self._read(uri), fetched_at=now, tried_at=now, reason="")
            except OutboundFetchError as problem:
                keys, fetched_at = (known.keys, known.fetched_at) if known else (None, now)
                entry = _Entry(keys, fetched_at, tried_at=now, reason=problem.reason)
        except BaseException as bug:
            with self._lock:
                del self._under_way[uri]
            future.set_exception(bug)
            raise
        with self._lock:
            del self._under_way[uri]
            self._entries[uri] = entry
            self._entries.move_to_end(uri)
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
        future.set_result(entry)

    def _read(self, uri: str) -> KeySet:
        result = self._fetcher.get(uri, _ACCEPT)
        if result.status != 200:
            raise OutboundFetchError(f"The host answered with status {result.status}, not 200.")
        try:
            document = json.loads(result.body)
        except (ValueError, RecursionError):
            raise OutboundFetchError("The host's answer is not JSON.") from None
        try:
            return public_key_set(document)
        except ValueError as problem:
            raise OutboundFetchError(str(problem)) from None
