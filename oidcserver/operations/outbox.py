"""The outbox: a few threads take the due rows of a table and send them.

The table is the queue, so every process delivers the rows of all processes. If a process ends, the
rows that it had claimed become due again. A message may be sent twice, but none is lost while it
can be delivered.
"""

import logging
import secrets
import threading
from abc import abstractmethod
from collections.abc import Collection
from typing import Generic, TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError

from oidcserver import clock
from oidcserver.models.delivery import Delivery, claim_delivery, end_delivery, postpone_delivery
from oidcserver.operations.regular_look import RegularLook
from oidcserver.operations.schema import reason
from oidcserver.types import Registry

#: Deliveries under way at once in one process, and those that use the database at that moment.
WORKERS, DATABASE_USERS = 32, 4
#: Seconds from the first failure to the second attempt, doubled after each, and their maximum.
FIRST_PAUSE, LONGEST_PAUSE = 5, 3600
_random = secrets.SystemRandom()

D = TypeVar("D", bound=Delivery)


class Undeliverable(Exception):
    """A message cannot be sent at this moment. ``reason`` is a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Outbox(RegularLook, Generic[D]):
    """Delivers the rows of one table from threads of its own.

    A subclass sets the table, and sends a row of it by :meth:`attempt`.

    :param registry: of the application, for its database and provider.
    :param lease: seconds that one attempt may take.
    :param interval: seconds between two looks for due deliveries; 0: a command looks for them.
    """

    #: The table of the deliveries.
    model: type[D]
    log: logging.Logger
    #: Deliveries under way at once in one process.
    workers = WORKERS

    def __init__(self, registry: Registry, lease: int, interval: int) -> None:
        super().__init__(f"{self.model.__tablename__} looks", interval)
        self.registry = registry
        self._lease = lease
        self._database_users = threading.BoundedSemaphore(DATABASE_USERS)
        #: Guards the attributes below, and signals their changes.
        self._changed = threading.Condition()
        self._working = 0
        self._more = False
        self._awaited: set[str] = set()

    @abstractmethod
    def attempt(self, delivery: D) -> None:
        """Send a delivery, and :meth:`end` or :meth:`postpone` it."""

    @abstractmethod
    def describe(self, delivery: D, *, done: bool) -> str:
        """Return the beginning of a sentence of the log, such as ``Client x was notified``."""

    def claim(self) -> D | None:
        """Claim the delivery that has been due longest."""
        with self._database_users, self.registry.oidc.database.session.begin() as dbsession:
            return claim_delivery(dbsession, self.model, self._lease)

    def look(self) -> None:
        """Deliver all that is due, in the background."""
        with self._changed:
            if self._stopped.is_set():
                return
            if self._working >= self.workers:
                self._more = True  # for the worker that has just found nothing
                return
            self._working += 1
        try:
            name = self.model.__tablename__
            threading.Thread(target=self._work, name=name, daemon=True).start()
        except RuntimeError:  # the system has no more threads: the deliveries stay due
            self._leave()

    def deliver(self, identifiers: Collection[str], timeout: float) -> None:
        """Deliver in the background, and wait for the first attempt of these deliveries.

        They may have been attempted already, so it waits no longer than deliveries are under way.

        :param timeout: the longest wait, in seconds.
        """
        wanted = set(identifiers)
        with self._changed:
            self._awaited |= wanted
        self.look()
        with self._changed:
            self._changed.wait_for(
                lambda: not self._working or self._awaited.isdisjoint(wanted), timeout
            )
            self._awaited -= wanted

    def deliver_due(self) -> None:
        """Deliver all that is due, and wait until no delivery is under way."""
        self.look()
        with self._changed:
            self._changed.wait_for(lambda: not self._working)

    def _work(self) -> None:
        while True:
            try:
                while not self._stopped.is_set() and (claimed := self.claim()) is not None:
                    self.look()  # there may be more, and this one may be slow
                    self._attempt(claimed)
            except (InterfaceError, OperationalError) as problem:
                self.log.error("Nothing is delivered: %s", reason(problem))
            except Exception:
                # A bug: what was claimed will be due again.
                self.log.exception("A delivery failed.")
            with self._changed:
                if not self._more:
                    self._leave()
                    return
                self._more = False

    def _leave(self) -> None:
        with self._changed:
            self._working -= 1
            self._changed.notify_all()

    def _attempt(self, delivery: D) -> None:
        try:
            if delivery.expires_at <= clock.now():
                self.end(delivery, "No attempt was made in time.")
            else:
                self.attempt(delivery)
        finally:
            with self._changed:
                self._awaited.discard(delivery.id)
                self._changed.notify_all()

    def end(self, delivery: D, problem: str = "", **columns: str) -> None:
        """Record that a delivery was accepted, or why it never will be.

        :param columns: further columns of the ended row.
        """
        with self._database_users, self.registry.oidc.database.session.begin() as dbsession:
            end_delivery(dbsession, delivery, problem, **columns)
        if problem:
            self.log.warning("%s: %s", self.describe(delivery, done=False), problem)
        else:
            self.log.info("%s.", self.describe(delivery, done=True))

    def postpone(self, delivery: D, problem: str) -> None:
        """Record why an attempt failed, and when the next is due; end it if that is too late."""
        pause = min(FIRST_PAUSE * 2 ** (delivery.attempts - 1), LONGEST_PAUSE)
        next_attempt_at = clock.now() + round(pause * _random.uniform(0.75, 1.25))
        if next_attempt_at >= delivery.expires_at:
            self.end(delivery, f"{problem} No further attempt is made.")
            return
        with self._database_users, self.registry.oidc.database.session.begin() as dbsession:
            postpone_delivery(dbsession, delivery, next_attempt_at, problem)
        described = self.describe(delivery, done=False)
        self.log.warning("%s yet (attempt %d): %s", described, delivery.attempts, problem)
