"""Runs the statements of the database: reads and atomic writes, each alone or in a transaction.

A statement alone is its own transaction, in autocommit, and costs one round trip. Where it belongs
to a transaction depends on the object that runs it, never on the thread:

- :class:`Database`, ``registry.oidc.database``: alone, and again after a conflict.
- :class:`Joined`, of ``Database.within``: in the transaction of a session.
- ``RequestDatabase``, ``request.oidc.database``: alone until the request has begun a transaction,
  then in that. Waiting for a second connection while it holds one, a request could wait for ever:
  for a pooler with few connections, or for SQLite's one writer.
"""

from collections.abc import Callable
from contextlib import closing
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from oidcserver.database.conflicts import Result, repeating
from oidcserver.database.connections import KeptConnections
from oidcserver.database.outage import waited_in_vain
from oidcserver.database.prepared import Together
from oidcserver.database.records import Row
from oidcserver.database.statements import Compiled, Read, wrapped_error
from oidcserver.database.timeouts import DEFAULT
from oidcserver.database.together import SharedRead, first
from oidcserver.database.writes import AtomicWrite

#: How many records of a model are kept. It saves no read: the row itself is the key.
KEPT_RECORDS = 1024


class Database:
    """Runs each statement alone, on a connection that the thread keeps; one for all threads."""

    def __init__(self, engine: Engine, patience: float = DEFAULT.answer) -> None:
        self.engine = engine
        #: Seconds in which other threads get their answer, where this one waits for them.
        self._patience = patience
        #: Makes sessions for commands and threads of our own.
        self.session: sessionmaker[Session] = sessionmaker(bind=engine, expire_on_commit=False)
        self.connections = KeptConnections(engine)
        self._is_postgresql = engine.dialect.name == "postgresql"
        self._reads: dict[Read, Compiled] = {}
        self._shared: dict[Read, SharedRead] = {}
        self._writes: dict[AtomicWrite, list[Compiled]] = {}

    def read(self, read: Read, /, **values: Any) -> Any:
        """See :class:`oidcserver.types.Statements`."""
        # To SQLite there is no round trip to be saved.
        if read.together and self._is_postgresql:
            shared = self._shared.get(read)
            if shared is None:
                compiled = Compiled(self.engine, read.select, KEPT_RECORDS)
                shared = self._shared.setdefault(
                    read, SharedRead(compiled, self._rows, self._patience)
                )
            return shared.first(values)
        return first(self.compiled_read(read), self._rows, values)

    def write(self, write: AtomicWrite, /, **values: Any) -> bool:
        """See :class:`oidcserver.types.Statements`."""
        parts = self.compiled_write(write, values)
        if len(parts) > 1:
            return self.connections.decide(parts, values)
        return bool(repeating(self.connections.rows, parts[0], values))

    def run(self, function: Callable[[Session], Result]) -> Result:
        """Call a function within a transaction; return what it returns, once that is committed.

        :param function: takes the session, and is called again after a conflict. So it does
            nothing but read and write rows.
        """

        def attempt() -> Result:
            with self.session.begin() as session:
                return function(session)

        return repeating(attempt)

    def within(self, session: Session) -> "Joined":
        """Return an object that runs statements in the transaction of a session."""
        return Joined(self, session)

    def compiled_read(self, read: Read) -> Compiled:
        """Return a read as it is run for one request."""
        compiled = self._reads.get(read)
        if compiled is None:
            compiled = self._reads[read] = Compiled(self.engine, read.select)
        return compiled

    def compiled_write(self, write: AtomicWrite, values: dict[str, Any]) -> list[Compiled]:
        """Return the statements of an atomic write: on PostgreSQL one.

        :raises AssertionError: for values that it does not take, as those of a row that would
            not be written.
        """
        assert len(values) == len(write.names), f"{sorted(values)} for {sorted(write.names)}"
        parts = self._writes.get(write)
        if parts is None:
            statements = [write.whole] if self._is_postgresql else write.parts
            parts = self._writes[write] = [Compiled(self.engine, each) for each in statements]
        return parts

    def _rows(self, compiled: Compiled | Together, values: dict[str, Any]) -> list[Row]:
        try:
            return repeating(self.connections.rows, compiled, values)
        except DBAPIError as problem:
            if not problem.connection_invalidated or waited_in_vain(problem):
                raise
            # It may have been cut while nobody used it.
            return self.connections.rows(compiled, values)


class Joined:
    """Runs statements in the transaction of a session, which begins with the first of them.

    The session does not write what it holds before, nor notice what changes.
    """

    def __init__(self, database: Database, session: Session) -> None:
        self._database, self._session = database, session

    def read(self, read: Read, /, **values: Any) -> Any:
        """See :class:`oidcserver.types.Statements`."""
        return self._first(self._database.compiled_read(read), values)

    def write(self, write: AtomicWrite, /, **values: Any) -> bool:
        """See :class:`oidcserver.types.Statements`."""
        deciding, *following = self._database.compiled_write(write, values)
        if self._first(deciding, values) is None:
            return False
        for compiled in following:
            self._first(compiled, values)
        return True

    def _first(self, compiled: Compiled, values: dict[str, Any]) -> Row | None:
        connection = self._session.connection()
        driver = connection.connection
        try:
            with closing(driver.cursor()) as cursor:
                cursor.execute(compiled.sql, compiled.values(values))
                row = cursor.fetchone() if cursor.description else None
        except connection.dialect.loaded_dbapi.Error as error:
            wrapped = wrapped_error(
                connection.engine, driver.driver_connection, error, compiled.sql
            )
            if wrapped.connection_invalidated:
                connection.invalidate(error)
            raise wrapped from error
        return None if row is None else compiled.selected(row)
