"""Delivery of logout tokens: a few threads take the due rows of the outbox and send them.

The table is the queue, so every process delivers the rows of all processes. If a process ends, the
rows that it had claimed become due again. A client may receive the same logout twice, but it does
not miss one while it can be reached.
"""

import json
import logging
import re
import secrets
import threading
import time
from collections.abc import Collection
from urllib.parse import urlsplit

from sqlalchemy.exc import InterfaceError, OperationalError

from oidcserver import clock
from oidcserver.http.outbound import OutboundFetchError
from oidcserver.http.waiting import TooManyWaiting
from oidcserver.keys.jwt import InvalidJWT
from oidcserver.models import Client, LogoutDelivery
from oidcserver.models.logout_delivery import (
    claim_logout_delivery,
    end_logout_delivery,
    postpone_logout_delivery,
)
from oidcserver.oauth.errors import Rejection
from oidcserver.operations.schema import reason
from oidcserver.sessions.logout_lanes import DeliveryLanes
from oidcserver.sessions.logout_token import make_logout_token
from oidcserver.types import FetchResult, OutboundFetcher, Registry

MEMBER = "backchannel_logout_uri"

log = logging.getLogger("oidcserver.backchannel_logout")

#: Deliveries under way at once in one process, and those that use the database at that moment.
WORKERS, DATABASE_USERS = 32, 4
#: How many deliveries a worker looks at to find one whose lane has room.
MAX_LOOKS = 100
#: Seconds from the first failure to the second attempt, doubled after each, and their maximum.
FIRST_PAUSE, LONGEST_PAUSE = 5, 3600
#: Seconds that a claim lasts beyond what its fetches may take.
CLAIM_MARGIN = 30
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")
_random = secrets.SystemRandom()


class LogoutDeliverer:
    """Delivers logouts from threads of its own; ``registry.oidc.logout_deliverer``.

    :param registry: of the application, for its database, provider and clients' keys.
    :param fetcher: with a short timeout, since a user may be waiting.
    """

    def __init__(self, registry: Registry, fetcher: OutboundFetcher) -> None:
        self.fetcher = fetcher
        self._registry = registry
        settings = registry.oidc.provider.settings
        self._interval: int = settings["oidc.backchannel_logout_interval"]
        self._lease = int(fetcher.timeout) + settings["oauth.outbound_timeout"] + CLAIM_MARGIN
        self._lanes = DeliveryLanes()
        self._database_users = threading.BoundedSemaphore(DATABASE_USERS)
        #: Guards the attributes below, and signals their changes.
        self._changed = threading.Condition()
        self._working = 0
        self._more = False
        self._awaited: set[str] = set()
        self._started = False
        self._stopped = threading.Event()

    def start(self) -> None:
        """Look for due deliveries now and at each interval; the first request calls this.

        The start of the application does not, because a server may fork after it.
        """
        if self._started:
            return
        with self._changed:
            first, self._started = not self._started, True
        if first and self._interval:
            threading.Thread(target=self._look_regularly, name="logouts", daemon=True).start()

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
            threading.Thread(target=self._work, name="logout-delivery", daemon=True).start()
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
                log.error("Logouts are not delivered: %s", reason(problem))
            except Exception:
                # A bug: what was claimed will be due again.
                log.exception("Logouts could not be delivered.")
            with self._changed:
                if not self._more:
                    self._leave()
                    return
                self._more = False

    def _leave(self) -> None:
        with self._changed:
            self._working -= 1
            self._changed.notify_all()

    def _claim(self) -> tuple[LogoutDelivery, Client] | None:
        """Claim the delivery that has been due longest and whose host has room in its lane."""
        for _ in range(MAX_LOOKS):
            if self._stopped.is_set():
                return None
            with self._database_users, self._registry.oidc.database.session() as dbsession:
                passing_over = self._lanes.waiting_clients()
                delivery = claim_logout_delivery(dbsession, self._lease, passing_over)
                if delivery is None:
                    return None
                client = dbsession.get_one(Client, delivery.client_id)
                if self._lanes.enter(client.client_id, _host(client)):
                    try:
                        dbsession.commit()
                    except Exception:
                        self._lanes.leave(_host(client), answered=True)
                        raise
                    return delivery, client
            # The claim is rolled back: the delivery stays due, and the client is skipped for now.
        return None

    def _attempt(self, delivery: LogoutDelivery, client: Client) -> None:
        began = time.monotonic()
        try:
            uri = client.member(MEMBER)
            if uri is None:
                self._end(delivery, "The client no longer has a backchannel_logout_uri.")
                return
            token = make_logout_token(self._registry, client, delivery)
            result = self.fetcher.post_form(uri, {"logout_token": token})
        except OutboundFetchError as problem:
            self._postpone(delivery, problem.reason)
        except Rejection as problem:
            self._postpone(delivery, problem.description)
        except TooManyWaiting:
            self._postpone(delivery, "Too many requests to other hosts are under way.")
        except (InvalidJWT, ValueError) as problem:
            self._postpone(delivery, f"No logout token can be made: {problem}.")
        else:
            self._settle(delivery, result)
        finally:
            quick = time.monotonic() - began < self.fetcher.timeout / 2
            self._lanes.leave(_host(client), answered=quick)
            with self._changed:
                self._awaited.discard(delivery.id)
                self._changed.notify_all()

    def _settle(self, delivery: LogoutDelivery, result: FetchResult) -> None:
        """Process the answer (section 2.8): 400 is final, other failures may be temporary."""
        if result.status in {200, 204}:
            self._end(delivery)
        elif result.status == 400:
            self._end(delivery, f"The client rejected the logout token{_error_code(result)}.")
        else:
            self._postpone(delivery, f"The client answered with status {result.status}.")

    def _end(self, delivery: LogoutDelivery, problem: str = "") -> None:
        with self._database_users, self._registry.oidc.database.session.begin() as dbsession:
            end_logout_delivery(dbsession, delivery, problem)
        if problem:
            log.warning("Client %s was not notified of a logout: %s", delivery.client_id, problem)
        else:
            log.info("Client %s was notified of a logout.", delivery.client_id)

    def _postpone(self, delivery: LogoutDelivery, problem: str) -> None:
        pause = min(FIRST_PAUSE * 2 ** (delivery.attempts - 1), LONGEST_PAUSE)
        next_attempt_at = clock.now() + round(pause * _random.uniform(0.75, 1.25))
        if next_attempt_at >= delivery.expires_at:
            self._end(delivery, f"{problem} No further attempt is made.")
            return
        with self._database_users, self._registry.oidc.database.session.begin() as dbsession:
            postpone_logout_delivery(dbsession, delivery, next_attempt_at, problem)
        log.warning(
            "Client %s was not notified of a logout yet (attempt %d): %s",
            delivery.client_id, delivery.attempts, problem,
        )  # fmt: skip


def _host(client: Client) -> str:
    return urlsplit(client.member(MEMBER) or "").netloc.lower()


def _error_code(result: FetchResult) -> str:
    """Return the error code of an answer in parentheses, if it has one (RFC 6749 section 5.2)."""
    try:
        code = json.loads(result.body)["error"]
        return f" ({code})" if _ERROR_CODE.fullmatch(code) else ""
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
