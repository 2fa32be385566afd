"""A thread that looks for work at an interval."""

import threading
from abc import ABC, abstractmethod


class RegularLook(ABC):
    """Looks for work at once and then at an interval, until it is stopped.

    The first request starts the thread. The start of the application does not, because a server may
    fork after it.

    :param name: of the thread.
    :param pause: seconds between two looks; 0: there is no thread, a command looks.
    """

    def __init__(self, name: str, pause: int) -> None:
        self._name = name
        self._pause = pause
        #: Taken by the start, and never released.
        self._start = threading.Lock()
        self._stopped = threading.Event()

    @abstractmethod
    def look(self) -> None:
        """Look for work, and do it or let it be done. It must not raise."""

    def start(self) -> None:
        """Start the thread, if it was not started before."""
        if self._pause and self._start.acquire(blocking=False):
            threading.Thread(target=self._look_regularly, name=self._name, daemon=True).start()

    def stop(self) -> None:
        """Begin no further work."""
        self._stopped.set()

    def _look_regularly(self) -> None:
        while not self._stopped.is_set():
            self.look()
            self._stopped.wait(self._pause)
