"""The JWK Sets that clients publish at their jwks_uri, cached for a short time in this process.

A client rotates its keys by publishing a new one and using it (OpenID Connect Core section
10.1.1), so an unknown ``kid`` is a reason to fetch again. But anybody can send an unknown kid, so a
URI is fetched at most once in ten seconds, and by one thread at a time. The other threads use the
cached keys, or wait for a moment if there are none.
"""

import json
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from joserfc.jwk import KeySet

from oidcserver import clock
from oidcserver.http.addresses import host_of
from oidcserver.http.outbound import OutboundFetchError
from oidcserver.http.slowness import failure_interval
from oidcserver.http.waiting import HostPaused, TooManyWaiting, WaitingPlaces
from oidcserver.keys.jwk_set import public_key_set
from oidcserver.types import FetchCause, Fetcher

_ACCEPT = "application/jwk-set+json, application/json"

#: Seconds from the start of a fetch for which other threads wait for its result. A host that
#: works answers in that time; for any other host only one thread waits.
GRACE = 0.5


@dataclass(frozen=True, slots=True)
class _Entry:
    keys: KeySet | None
    fetched_at: int  # when the keys came
    tried_at: int  # when the last try ended, successful or not
    reason: str  # why the last try failed, or empty
    lasting: bool  # whether the keys may be used beyond max_age, because their host is away


@dataclass(frozen=True, slots=True)
class _Fetch:
    result: Future[_Entry] = field(default_factory=Future)
    began: float = field(default_factory=time.monotonic)


class _NoKeys(OutboundFetchError):
    """The host answered, and has no JWK Set."""


class RemoteJWKS:
    """The keys behind each jwks_uri. One object serves every thread.

    :param places: limits the threads that wait for other hosts.
    :param max_age: seconds that keys are used before they are fetched again. Caching headers of
        the answer are ignored: a withdrawn key must be gone after this time, if its host answers.
    :param max_stale: seconds that keys are used beyond ``max_age`` while their host is away.
    :param min_interval: seconds between two fetches of one URI. A failure is cached for this time,
        or for twice the timeout if that is longer.
    :param max_entries: URIs that are cached; the least recently used is dropped first.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        places: WaitingPlaces,
        *,
        max_age: int = 300,
        max_stale: int = 3600,
        min_interval: int = 10,
        max_entries: int = 1000,
    ) -> None:
        self._fetcher = fetcher
        self._places = places
        self._max_age = max_age
        self._max_stale = max_stale
        self._min_interval = min_interval
        self._max_entries = max_entries
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._under_way: dict[str, _Fetch] = {}
        self._lock = threading.Lock()

    def keys(self, uri: str, kid: str | None, cause: FetchCause) -> KeySet:
        """Return the public keys at ``uri``.

        If ``kid`` is not among the cached keys, they are fetched again, unless the URI was fetched
        a moment ago. The result may still lack the kid. A failed fetch does not remove keys that
        are still usable.

        :param cause: who makes the server fetch them, and for which client. To fetch known keys
            again is not counted: a URI is fetched at most once in ten seconds anyway.
        :raises OutboundFetchError: if there are no usable keys and none could be fetched.
        :raises TooManyWaiting: if there are no usable keys, and too many threads wait already or
            too many fetches were made.
        """
        with self._lock:
            entry = self._entries.get(uri)
            if entry is not None:
                self._entries.move_to_end(uri)
                if self._answers(entry, kid):
                    return self._keys_of(entry)
            fetch = self._under_way.get(uri)
            mine = fetch is None
            if fetch is None:
                fetch = self._under_way[uri] = _Fetch()
        try:
            if mine:
                return self._keys_of(self._carry_out(fetch, uri, entry, cause))
            if entry is None or not self._serves(entry, kid):
                return self._keys_of(self._wait_for(fetch, uri))
        except (TooManyWaiting, HostPaused):
            if entry is None or not self._serves(entry, kid):
                raise
        return self._keys_of(entry)

    def _answers(self, entry: _Entry, kid: str | None) -> bool:
        """Whether the cached keys can be used without a fetch."""
        interval = float(self._min_interval)
        if entry.reason:
            interval = max(interval, failure_interval(self._fetcher.timeout))
        if 0 <= clock.now() - entry.tried_at < interval:
            return True
        return self._is_younger(entry, self._max_age) and _has(entry, kid)

    def _serves(self, entry: _Entry, kid: str | None) -> bool:
        """Whether the cached keys may be used while the host does not answer."""
        return self._is_younger(entry, self._max_age + self._max_stale) and _has(entry, kid)

    def _is_younger(self, entry: _Entry, age: int) -> bool:
        return entry.keys is not None and 0 <= clock.now() - entry.fetched_at < age

    def _keys_of(self, entry: _Entry) -> KeySet:
        age = self._max_age + (self._max_stale if entry.lasting else 0)
        if entry.keys is None or not self._is_younger(entry, age):
            raise OutboundFetchError(entry.reason)
        return entry.keys

    def _wait_for(self, fetch: _Fetch, uri: str) -> _Entry:
        try:
            return fetch.result.result(max(0.0, fetch.began + GRACE - time.monotonic()))
        except TimeoutError:
            raise TooManyWaiting(host_of(uri)) from None

    def _carry_out(
        self, fetch: _Fetch, uri: str, known: _Entry | None, cause: FetchCause
    ) -> _Entry:
        """Fetch the URI and give the entry to every thread that waits for it."""
        if known is not None and known.keys is not None:
            cause = replace(cause, counted=False)
        try:
            entry = self._ask(uri, known, cause)
        except BaseException as problem:
            with self._lock:
                del self._under_way[uri]
            fetch.result.set_exception(problem)
            raise
        with self._lock:
            del self._under_way[uri]
            self._entries[uri] = entry
            self._entries.move_to_end(uri)
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
        fetch.result.set_result(entry)
        return entry

    def _ask(self, uri: str, known: _Entry | None, cause: FetchCause) -> _Entry:
        began = clock.now()
        try:
            with self._places.taken(uri, cause):
                return _Entry(self._read(uri), began, tried_at=began, reason="", lasting=True)
        except HostPaused:
            raise
        except OutboundFetchError as problem:
            ended, away = clock.now(), not isinstance(problem, _NoKeys)
            if known is None:
                return _Entry(None, ended, tried_at=ended, reason=problem.reason, lasting=away)
            return replace(known, tried_at=ended, reason=problem.reason, lasting=away)

    def _read(self, uri: str) -> KeySet:
        result = self._fetcher.get(uri, _ACCEPT)
        if result.status >= 500:
            raise OutboundFetchError(f"The host answered with status {result.status}, not 200.")
        if result.status != 200:
            raise _NoKeys(f"The host answered with status {result.status}, not 200.")
        try:
            document = json.loads(result.body)
        except (ValueError, RecursionError):
            raise _NoKeys("The host's answer is not JSON.") from None
        try:
            return public_key_set(document)
        except ValueError as problem:
            raise _NoKeys(str(problem)) from None


def _has(entry: _Entry, kid: str | None) -> bool:
    return kid is None or any(key.kid == kid for key in entry.keys or ())
