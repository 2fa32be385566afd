"""The outbox: a few threads take the due rows of a table and send them to the hosts of clients.

The table is the queue, so every process delivers the rows of all processes. If a process ends, the
rows that it had claimed become due again. A client may receive the same message twice, but it does
not miss one while it can be reached.
"""

import logging
import secrets
import threading
import time
from collections.abc import Collection
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from sqlalchemy.exc import InterfaceError, OperationalError

from oidcserver import clock
from oidcserver.http.outbound import OutboundFetchError
from oidcserver.http.waiting import TooManyWaiting
from oidcserver.models import Client
from oidcserver.models.delivery import Delivery, claim_delivery, end_delivery, postpone_delivery
from oidcserver.operations.lanes import DeliveryLanes
from oidcserver.operations.schema import reason
from oidcserver.types import FetchResult, OutboundFetcher, Registry

#: Deliveries under way at once in one process, and those that use the database at that moment.
WORKERS, DATABASE_USERS = 32, 4
#: How many deliveries a worker looks at to find one whose lane has room.
MAX_LOOKS = 100
#: Seconds from the first failure to the second attempt, doubled after each, and their maximum.
FIRST_PAUSE, LONGEST_PAUSE = 5, 3600
#: Seconds that a claim lasts beyond what its fetches may take.
CLAIM_MARGIN = 30
_random = secrets.SystemRandom()

D = TypeVar("D", bound=Delivery)


class Undeliverable(Exception):
    """A message cannot be made at this moment. ``reason`` is a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Deliverer(Generic[D]):
    """Delivers the rows of one table from threads of its own.

    A subclass sets the table, and sends a row of it by :meth:`post`.

    :param registry: of the application, for its database, provider and clients' keys.
    :param fetcher: with a short timeout, since a user may be waiting.
    :param interval: seconds between two looks for due deliveries; 0: a command looks for them.
    """

    #: The table of the deliveries.
    model: type[D]
    #: The client metadata member with the URI that they go to.
    member: str
    #: What the client is notified of, for the log.
    occasion: str
    log: logging.Logger

    def __init__(self, registry: Registry, fetcher: OutboundFetcher, interval: int) -> None:
        self.fetcher = fetcher
        self.registry = registry
        self._interval = interval
        timeout = registry.oidc.provider.settings["oauth.outbound_timeout"]
        self._lease = int(fetcher.timeout) + timeout + CLAIM_MARGIN
        self._lanes = DeliveryLanes()
        self._database_users = threading.BoundedSemaphore(DATABASE_USERS)
        #: Guards the attributes below, and signals their changes.
        self._changed = threading.Condition()
        self._working = 0
        self._more = False
        self._awaited: set[str] = set()
        self._started = False
        self._stopped = threading.Event()

    def post(self, client: Client, delivery: D, uri: str) -> FetchResult:
        """Send a delivery; return the client's answer.

        :raises Undeliverable: if there is nothing that can be sent.
        :raises OutboundFetchError, TooManyWaiting: as the fetcher does.
        """
        raise NotImplementedError

    def rejected(self, result: FetchResult) -> str | None:
        """Return why no further attempt is made after an answer, or None."""
        return None

    def start(self) -> None:
        """Look for due deliveries now and at each interval; the first request calls this.

        The start of the application does not, because a server may fork after it.
        """
        if self._started:
            return
        with self._changed:
            first, self._started = not self._started, True
        if first and self._interval:
            name = f"{self.model.__tablename__} looks"
            threading.Thread(target=self._look_regularly, name=name, daemon=True).start()

    def stop(self) -> None:
        """Begin no further deliveries."""
        self._stopped.set()

    def wake(self) -> None:
        """Deliver all that is due, in the background."""
        with self._changed:
            if self._stopped.is_set():
                return
            if self._working >= WORKERS:
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

        :param timeout: the longest wait, in seconds.
        """
        wanted = set(identifiers)
        with self._changed:
            self._awaited |= wanted
        self.wake()
        with self._changed:
            self._changed.wait_for(lambda: self._awaited.isdisjoint(wanted), timeout)
            self._awaited -= wanted

    def deliver_due(self) -> None:
        """Deliver all that is due, and wait until no delivery is under way."""
        self.wake()
        with self._changed:
            self._changed.wait_for(lambda: not self._working)

    def _look_regularly(self) -> None:
        while True:
            self.wake()
            if self._stopped.wait(self._interval):
                return

    def _work(self) -> None:
        while True:
            try:
                while claimed := self._claim():
                    self.wake()  # there may be more, and this one may be slow
                    self._attempt(*claimed)
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

    def _claim(self) -> tuple[D, Client] | None:
        """Claim the delivery that has been due longest and whose host has room in its lane."""
        for _ in range(MAX_LOOKS):
            if self._stopped.is_set():
                return None
            with self._database_users, self.registry.oidc.database.session() as dbsession:
                passing_over = self._lanes.waiting_clients()
                delivery = claim_delivery(dbsession, self.model, self._lease, passing_over)
                if delivery is None:
                    return None
                client = dbsession.get_one(Client, delivery.client_id)
                host = self._host(client)
                if self._lanes.enter(client.client_id, host):
                    try:
                        dbsession.commit()
                    except Exception:
                        self._lanes.leave(host, answered=True)
                        raise
                    return delivery, client
            # The claim is rolled back: the delivery stays due, and the client is skipped for now.
        return None

    def _attempt(self, delivery: D, client: Client) -> None:
        began = time.monotonic()
        try:
            if delivery.expires_at <= clock.now():
                self._end(delivery, "No attempt was made in time.")
                return
            uri = client.member(self.member)
            if uri is None:
                self._end(delivery, f"The client no longer has a {self.member}.")
                return
            result = self.post(client, delivery, uri)
        except (OutboundFetchError, Undeliverable) as problem:
            self._postpone(delivery, problem.reason)
        except TooManyWaiting:
            self._postpone(delivery, "Too many requests to other hosts are under way.")
        else:
            self._settle(delivery, result)
        finally:
            quick = time.monotonic() - began < self.fetcher.timeout / 2
            self._lanes.leave(self._host(client), answered=quick)
            with self._changed:
                self._awaited.discard(delivery.id)
                self._changed.notify_all()

    def _settle(self, delivery: D, result: FetchResult) -> None:
        if result.status in {200, 204}:
            self._end(delivery)
        elif problem := self.rejected(result):
            self._end(delivery, problem)
        else:
            self._postpone(delivery, f"The client answered with status {result.status}.")

    def _end(self, delivery: D, problem: str = "") -> None:
        with self._database_users, self.registry.oidc.database.session.begin() as dbsession:
            end_delivery(dbsession, delivery, problem)
        client_id, occasion = delivery.client_id, self.occasion
        if problem:
            self.log.warning("Client %s was not notified of %s: %s", client_id, occasion, problem)
        else:
            self.log.info("Client %s was notified of %s.", client_id, occasion)

    def _postpone(self, delivery: D, problem: str) -> None:
        pause = min(FIRST_PAUSE * 2 ** (delivery.attempts - 1), LONGEST_PAUSE)
        next_attempt_at = clock.now() + round(pause * _random.uniform(0.75, 1.25))
        if next_attempt_at >= delivery.expires_at:
            self._end(delivery, f"{problem} No further attempt is made.")
            return
        with self._database_users, self.registry.oidc.database.session.begin() as dbsession:
            postpone_delivery(dbsession, delivery, next_attempt_at, problem)
        self.log.warning(
            "Client %s was not notified of %s yet (attempt %d): %s",
            delivery.client_id, self.occasion, delivery.attempts, problem,
        )  # fmt: skip

    def _host(self, client: Client) -> str:
        return urlsplit(client.member(self.member) or "").netloc.lower()
