"""Limits for deliveries, so that slow hosts do not delay the others.

A delivery to a host that does not answer takes the whole timeout. So the number of deliveries at
once is limited for each host, for all hosts that hung the last time, and for all hosts that are not
known to answer.
"""

import threading
from collections import Counter, OrderedDict
from typing import TypeVar

T = TypeVar("T")

#: Deliveries under way at once in one process: to hosts that are not known to answer, to hosts that
#: hung the last time, and to one host.
UNPROVEN, HANGING, ONE_HOST = 24, 8, 4
#: Hosts and clients that are remembered; those least recently seen go first.
MAX_REMEMBERED = 10_000


class DeliveryLanes:
    """The deliveries under way in this process by host, and whether each host answered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()
        #: Whether a host answered in time the last time.
        self._answered: OrderedDict[str, bool] = OrderedDict()
        self._hosts: OrderedDict[str, str] = OrderedDict()  # by client_id

    def enter(self, client_id: str, host: str) -> bool:
        """Begin a delivery to a client's host; return False if its lane is full."""
        with self._lock:
            _remember(self._hosts, client_id, host)
            if host in self._full():
                return False
            self._under_way[host] += 1
            return True

    def leave(self, host: str, *, answered: bool) -> None:
        """End a delivery."""
        with self._lock:
            self._under_way[host] -= 1
            self._under_way += Counter()  # removes the hosts with none
            _remember(self._answered, host, answered)

    def waiting_clients(self) -> list[str]:
        """Return the clients whose host has a full lane."""
        with self._lock:
            full = self._full()
            return [client_id for client_id, host in self._hosts.items() if host in full]

    def _full(self) -> set[str]:
        unproven = hanging = 0
        for host, count in self._under_way.items():
            unproven += count if self._answered.get(host) is not True else 0
            hanging += count if self._answered.get(host) is False else 0
        full = {host for host, count in self._under_way.items() if count >= ONE_HOST}
        if unproven >= UNPROVEN:
            full.update(it for it in self._hosts.values() if self._answered.get(it) is not True)
        elif hanging >= HANGING:
            full.update(it for it in self._hosts.values() if self._answered.get(it) is False)
        return full


def _remember(memory: OrderedDict[str, T], key: str, value: T) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > MAX_REMEMBERED:
        memory.popitem(last=False)
