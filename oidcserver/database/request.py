"""``request.oidc.database``: the database as one request uses it.

Pages run within the transaction of ``pyramid_tm``. The endpoints that only programs call have none:
there each statement is alone, unless the code opens a ``transaction()``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pyramid_tm import is_tm_active
from sqlalchemy.orm import Session
from transaction import TransactionManager

from oidcserver.database.conflicts import Result, repeating
from oidcserver.database.engine import RequestSession
from oidcserver.database.statements import Read
from oidcserver.database.writes import AtomicWrite
from oidcserver.types import Database, Request, Statements


class RequestDatabase:
    """Runs each statement alone until the request has begun a transaction, then in that."""

    def __init__(self, database: Database, request: Request) -> None:
        self._database = database
        self._request = request
        #: The session of the transaction of ``pyramid_tm``.
        self._session: Session | None = None
        #: The session and the manager of ``transaction()``.
        self._own: tuple[Session, TransactionManager] | None = None

    def read(self, read: Read, /, **values: Any) -> Any:
        """See :class:`oidcserver.types.Statements`."""
        return self._statements().read(read, **values)

    def write(self, write: AtomicWrite, /, **values: Any) -> bool:
        """See :class:`oidcserver.types.Statements`."""
        return self._statements().write(write, **values)

    @property
    def session(self) -> Session:
        """The ORM session of the transaction that the code is in.

        :raises RuntimeError: if there is none, since what was written would be lost.
        """
        if self._own is not None:
            return self._own[0]
        if not is_tm_active(self._request):
            raise RuntimeError(
                "This request has no transaction: use `with request.oidc.database.transaction()`."
            )
        if self._session is None:
            self._session = self._new_session(self._request.tm)
        return self._session

    @property
    def alone(self) -> Database:
        """The database without any transaction, for what must not be undone with one.

        :raises RuntimeError: in a transaction, for which it would wait on SQLite: ``commit()``.
        """
        if self._in_transaction() is not None:
            raise RuntimeError("The request is in a transaction.")
        return self._database

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Let all that is read and written within be one transaction; it yields its session.

        It commits at its end and is rolled back by an exception. Where ``pyramid_tm`` manages the
        request it is the request's own transaction, which commits with the request; within
        another ``transaction()`` it is part of that.
        """
        if self._own is not None or is_tm_active(self._request):
            self.session.connection()
            yield self.session
            return
        with self._own_transaction() as session:
            yield session

    def run(self, function: Callable[[Session], Result]) -> Result:
        """Call a function within a transaction that commits at its end, and repeat both if needed.

        Where the request is in a transaction it is part of that, which is not repeated.

        :param function: takes the session, and is called again after a conflict. So it does
            nothing but read and write rows.
        """
        joined = self._in_transaction()
        if joined is not None:
            return function(joined)

        def attempt() -> Result:
            with self._own_transaction() as session:
                return function(session)

        return repeating(attempt)

    def commit(self) -> None:
        """End the transaction of the request, before it waits; the next begins with its next use.

        Rows that were read before have to be read again.

        :raises RuntimeError: within ``transaction()``.
        """
        if self._own is not None:
            raise RuntimeError("A transaction() commits at its end.")
        if is_tm_active(self._request):
            self._request.tm.commit()
            self._request.tm.begin()

    @contextmanager
    def keeping_rows(self) -> Iterator[None]:
        """Let the rows of the session go on being its own if what is within commits."""
        session = self._session
        if session is None:
            yield
            return
        session.flush()
        rows = list(session)
        try:
            yield
        finally:
            session.add_all(rows)

    def after_commit(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call a function when the transaction has been committed; at once if there is none.

        Not at all if it is rolled back.
        """
        if self._own is not None:
            manager = self._own[1]
        elif is_tm_active(self._request):
            manager = self._request.tm
        else:
            function(*arguments)
            return
        manager.get().addAfterCommitHook(_if_committed, (function, *arguments))

    @contextmanager
    def _own_transaction(self) -> Iterator[Session]:
        manager = TransactionManager(explicit=True)
        with manager:
            session = self._new_session(manager)
            self._own = session, manager
            try:
                session.connection()
                yield session
            finally:
                self._own = None

    def _statements(self) -> Statements:
        session = self._in_transaction()
        return self._database if session is None else self._database.within(session)

    def _in_transaction(self) -> Session | None:
        if self._own is not None:
            return self._own[0]
        session = self._session
        return session if session is not None and session.in_transaction() else None

    def _new_session(self, manager: TransactionManager) -> Session:
        return RequestSession(
            bind=self._database.engine, expire_on_commit=False, info={"tm": manager}
        )


def _if_committed(committed: bool, function: Callable[..., None], *arguments: Any) -> None:
    if committed:
        function(*arguments)
