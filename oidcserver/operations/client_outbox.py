"""Deliveries to the hosts of clients, by the :mod:`outbox <oidcserver.operations.outbox>`."""

import time
from abc import abstractmethod
from typing import TypeVar

from oidcserver.http.addresses import host_of
from oidcserver.http.outbound import OutboundFetchError
from oidcserver.http.waiting import TooManyWaiting
from oidcserver.models import Client
from oidcserver.models.delivery import ClientDelivery, claim_delivery
from oidcserver.operations.lanes import DeliveryLanes
from oidcserver.operations.outbox import Outbox, Undeliverable
from oidcserver.types import FetchResult, OutboundFetcher, Registry

#: How many deliveries a worker looks at to find one whose lane has room.
MAX_LOOKS = 100
#: Seconds that a claim lasts beyond what its fetches may take.
CLAIM_MARGIN = 30

C = TypeVar("C", bound=ClientDelivery)


class ClientOutbox(Outbox[C]):
    """Delivers the rows of a table to the clients that they are for.

    A subclass sends a row by :meth:`post`.

    :param fetcher: with a short timeout, since a user may be waiting.
    """

    #: The client metadata member with the URI that the deliveries go to.
    member: str
    #: The subject of the notification, for the log.
    occasion: str
    #: Failures of a fetch after which no further attempt is made.
    final: tuple[type[OutboundFetchError], ...] = ()

    def __init__(self, registry: Registry, fetcher: OutboundFetcher, interval: int) -> None:
        timeout = registry.oidc.provider.settings["oauth.outbound_timeout"]
        super().__init__(registry, int(fetcher.timeout) + timeout + CLAIM_MARGIN, interval)
        self.fetcher = fetcher
        self._lanes = DeliveryLanes()

    @abstractmethod
    def post(self, client: Client, delivery: C, uri: str) -> FetchResult:
        """Send a delivery; return the client's answer.

        :raises Undeliverable: if there is nothing that can be sent.
        :raises OutboundFetchError, TooManyWaiting: as the fetcher does.
        """

    def rejected(self, result: FetchResult) -> str | None:
        """Return why no further attempt is made after an answer, or None."""
        return None

    def describe(self, delivery: C, *, done: bool) -> str:
        """Return the beginning of a sentence of the log."""
        return (
            f"Client {delivery.client_id} was {'' if done else 'not '}notified of {self.occasion}"
        )

    def claim(self) -> C | None:
        """Claim the delivery that has been due longest and whose host has room in its lane."""
        for _ in range(MAX_LOOKS):
            with self._database_users, self.registry.oidc.database.session() as dbsession:
                has_room = self.model.client_id.not_in(self._lanes.waiting_clients())
                delivery = claim_delivery(dbsession, self.model, self._lease, has_room)
                if delivery is None:
                    return None
                host = self._host(delivery.client)
                if self._lanes.enter(delivery.client_id, host):
                    try:
                        dbsession.commit()
                    except Exception:
                        self._lanes.leave(host, answered=True)
                        raise
                    return delivery
            # The claim is rolled back: the delivery stays due, and the client is skipped for now.
        return None

    def _attempt(self, delivery: C) -> None:
        began = time.monotonic()
        try:
            super()._attempt(delivery)
        finally:
            quick = time.monotonic() - began < self.fetcher.timeout / 2
            self._lanes.leave(self._host(delivery.client), answered=quick)

    def attempt(self, delivery: C) -> None:
        """Send a delivery to the URI that the client registered."""
        client = delivery.client
        uri = client.member(self.member)
        if uri is None:
            self.end(delivery, f"The client no longer has a {self.member}.")
            return
        try:
            result = self.post(client, delivery, uri)
        except self.final as problem:
            self.end(delivery, problem.reason)
        except (OutboundFetchError, Undeliverable) as problem:
            self.postpone(delivery, problem.reason)
        except TooManyWaiting:
            self.postpone(delivery, "Too many requests to other hosts are under way.")
        else:
            self._settle(delivery, result)

    def _settle(self, delivery: C, result: FetchResult) -> None:
        if result.status in {200, 204}:
            self.end(delivery)
        elif problem := self.rejected(result):
            self.end(delivery, problem)
        else:
            self.postpone(delivery, f"The client answered with status {result.status}.")

    def _host(self, client: Client) -> str:
        return host_of(client.member(self.member) or "")
