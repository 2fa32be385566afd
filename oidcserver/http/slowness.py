"""Remembers which hosts did not answer in time, and for which networks requests waited long."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from oidcserver import clock

#: Hosts and networks that a process remembers; the oldest make room.
MAX_REMEMBERED = 1000
#: The longest pause of a host, in seconds, unless the timeout is longer than half of it.
LONGEST_PAUSE = 300
#: The seconds in which a network may make requests wait for the time of one timeout.
WINDOW = 60

V = TypeVar("V")


def failure_interval(timeout: float) -> int:
    """Return for how many seconds a failure is remembered at first: longer than the timeout."""
    return int(max(10, 2 * timeout))


class _Memory(Generic[V]):
    """A limited number of values, by key. The caller holds ``lock``."""

    def __init__(self) -> None:
        self.values: OrderedDict[Hashable, V] = OrderedDict()
        self.lock = threading.Lock()

    def put(self, key: Hashable, value: V) -> None:
        self.values[key] = value
        self.values.move_to_end(key)
        while len(self.values) > MAX_REMEMBERED:
            self.values.popitem(last=False)


class Pauses:
    """Lets nobody ask a host that just timed out. One object serves every thread.

    Each pause is twice as long as the one before, if that ended no longer ago than it lasted.

    :param timeout: seconds that a fetch may take.
    """

    def __init__(self, timeout: float) -> None:
        self._first = failure_interval(timeout)
        self._longest = max(LONGEST_PAUSE, self._first)
        self._known: _Memory[tuple[int, int]] = _Memory()  # the end of a pause, and its length

    def left(self, key: Hashable) -> int:
        """Return the seconds until the host may be asked again, or 0."""
        with self._known.lock:
            end, length = self._known.values.get(key, (0, 0))
        left = end - clock.now()
        return left if 0 < left <= length else 0  # otherwise the clock was set back

    def begin(self, key: Hashable) -> None:
        """Begin a pause, after a timeout."""
        now = clock.now()
        with self._known.lock:
            end, length = self._known.values.get(key, (0, 0))
            again = now < end + length
            length = min(2 * length, self._longest) if again else self._first
            self._known.put(key, (now + length, length))

    def forget(self, key: Hashable) -> None:
        """Forget the pauses of a host that answered."""
        with self._known.lock:
            self._known.values.pop(key, None)


class WaitedTime:
    """Limits how long the requests of a network wait for hosts of clients that anybody can be.

    A network that used up its time waits until the end of its minute. One object serves every
    thread.

    :param seconds: the time in a minute.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._known: _Memory[tuple[int, float]] = _Memory()  # begin of the minute, seconds used

    def left(self, network: str) -> int:
        """Return the seconds after which the network may make a request wait, or 0."""
        with self._known.lock:
            began, used = self._known.values.get(network, (0, 0.0))
        age = clock.now() - began
        return WINDOW - age if used >= self._seconds and 0 <= age < WINDOW else 0

    def add(self, network: str, seconds: float) -> None:
        """Add the time that a request waited."""
        now = clock.now()
        with self._known.lock:
            began, used = self._known.values.get(network, (now, 0.0))
            if not 0 <= now - began < WINDOW:
                began, used = now, 0.0
            self._known.put(network, (began, used + seconds))
