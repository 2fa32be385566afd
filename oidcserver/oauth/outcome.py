"""The outcome of a request: what its commit will write, and the events that follow."""

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import literal, select
from sqlalchemy.exc import IntegrityError

from oidcserver.database import AtomicWrite
from oidcserver.database.writes import Following
from oidcserver.oauth.errors import invalid_request
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.types import Request, RequestDatabase

#: For a request that decides nothing: what it writes is written in any case.
_ALWAYS = AtomicWrite(select(literal(1).label("always")))


class _Lost(Exception):
    """Another request was faster."""


class Outcome:
    """Collects writes and events, so that grants and extensions prepare and never write."""

    def __init__(self) -> None:
        #: Whether all is written, so that nothing may fail any more.
        self.committed = False
        self._decision: AtomicWrite | None = None
        self._lost: Callable[[], None] | None = None
        self._following: list[Following] = []
        self._values: dict[str, Any] = {}
        self._events: list[tuple[str, dict[str, Any]]] = []
        self._first: list[Callable[[], Any]] = []
        self._consequences: list[Callable[[], Any]] = []
        self._rejection_events: list[tuple[str, dict[str, Any]]] = []

    def decide(self, write: AtomicWrite, lost: Callable[[], None], **values: Any) -> None:
        """Let a write decide whether the request succeeds; a request has one decision at most.

        :param lost: called if another request was faster, and nothing was written: it raises, or
            mends the answer.
        """
        assert self._decision is None, "A request has one decision."
        self._decision, self._lost = write, lost
        self._values.update(values)

    def also(self, *following: Following, **values: Any) -> None:
        """Write this too, if the decision is for the request.

        :param following: constants, or made by :func:`oidcserver.database.writes.inserting`.
        :param values: the values of their statements, each with a name of its own.
        """
        assert self._values.keys().isdisjoint(values), f"{sorted(values)} has a value twice"
        self._following.extend(following)
        self._values.update(values)

    def first(self, write: Callable[..., Any], *arguments: Any) -> None:
        """Call this before the decision, in one transaction with it.

        It writes by ``request.oidc.dbsession``, and raises to reject: nothing is written then. If
        another request is faster, its writes are rolled back, except where ``pyramid_tm`` manages
        the request.
        """
        self._first.append(partial(write, *arguments))

    def announce(self, name: str, **details: Any) -> None:
        """Announce an event once all is written (:class:`oidcserver.oauth.events.OAuthEvent`)."""
        self._events.append((name, details))

    def withdraw_events(self) -> None:
        """Announce none of the events so far: another request did it first."""
        self._events = []

    def if_rejected(self, consequence: Callable[..., Any], *arguments: Any) -> None:
        """Call this if the request is rejected, and write nothing else.

        So a code that is used again ends its family, although its request fails.
        """
        self._consequences.append(partial(consequence, *arguments))

    def write(self, request: Request) -> None:
        """Write all of it: as one statement on PostgreSQL, unless something comes first."""
        database = request.oidc.database
        try:
            if self._first:
                database.run(lambda dbsession: self._all(database))
            else:
                self._decide(database)
        except _Lost:
            assert self._lost is not None
            self._lost()
        database.commit()  # where pyramid_tm manages the request
        self.committed = True

    def _all(self, database: RequestDatabase) -> None:
        for write in self._first:
            write()
        self._decide(database)

    def _decide(self, database: RequestDatabase) -> None:
        """Run the decision and what follows from it.

        :raises _Lost: if another request was faster.
        :raises Rejection: if a row that others refer to was deleted.
        """
        if self._decision is None and not self._following:
            return
        write = (self._decision or _ALWAYS).also(*self._following)
        try:
            decided = database.write(write, **self._values)
        except IntegrityError:
            # The client, the user or the session that a row refers to has just been deleted.
            raise invalid_request("The client or the End-User was removed meanwhile.") from None
        if not decided:
            raise _Lost

    def notify(self, request: Request) -> None:
        """Announce the events. A subscriber that fails is logged and changes nothing."""
        for name, details in self._events:
            announce(OAuthEvent(request, name, details))

    def announce_rejection(self, name: str, **details: Any) -> None:
        """Announce an event if the request is rejected."""
        self._rejection_events.append((name, details))

    def reject(self, request: Request) -> None:
        """Carry out what a rejection entails; nothing else is written or announced."""
        for consequence in self._consequences:
            consequence()
        if self._consequences:
            request.oidc.database.commit()  # where pyramid_tm manages the request
        self._events = self._rejection_events
        self.notify(request)
