"""Limits how many requests wait for other hosts at once; the others are rejected.

A host that does not answer occupies a thread until the timeout. Without a limit, a few such hosts,
which anybody may register, would occupy every thread of the process.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from oidcserver.http.addresses import host_of

#: Seconds after which the client may try again (Retry-After).
RETRY_SECONDS = 5


class TooManyWaiting(Exception):
    """Too many requests wait for other hosts."""

    retry_after = RETRY_SECONDS


class WaitingPlaces:
    """The places for requests that wait for other hosts; one object serves every thread.

    One host or one client may take half of them, so that a slow one leaves places for the others.

    :param places: the number of places in a process.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._part = max(1, places // 2)
        self._taken = 0
        self._parts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, url: str = "", client_id: str = "") -> Iterator[None]:
        """Hold a place until the end of the ``with``.

        :param url: the URL that is fetched.
        :param client_id: the client that the URL belongs to.
        :raises TooManyWaiting: at once, if there is no place.
        """
        parts = [("host", host_of(url)), ("client", client_id)]
        parts = [part for part in parts if part[1]]
        with self._lock:
            if self._taken >= self._places or any(self._parts[it] >= self._part for it in parts):
                raise TooManyWaiting
            self._taken += 1
            self._parts.update(parts)
        try:
            yield
        finally:
            with self._lock:
                self._taken -= 1
                self._parts.subtract(parts)
                self._parts += Counter()  # removes the entries at zero
