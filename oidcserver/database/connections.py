"""Connections that threads keep: a statement on them is a transaction by itself.

A request's own transaction costs two round trips more, and a pooled connection is handed out,
reset and taken back each time. A single statement needs none of this.
"""

import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Engine, event

from oidcserver.database.conflicts import is_conflict
from oidcserver.database.prepared import Together
from oidcserver.database.records import Row
from oidcserver.database.statements import Compiled, wrapped_error

Result = TypeVar("Result")


class _Connection:
    """A connection in autocommit, taken out of the pool for good."""

    def __init__(self, engine: Engine) -> None:
        pooled = engine.raw_connection()
        driver: Any = pooled.driver_connection
        pooled.detach()
        engine.dialect.set_isolation_level(driver, "AUTOCOMMIT")
        self.driver = driver
        #: How statements are run: on PostgreSQL by the former, on SQLite by the latter.
        self.prepared: Any = None
        self.cursor: Any = None
        if engine.dialect.name == "postgresql":
            from oidcserver.database.postgresql import PreparedStatements  # needs psycopg

            self.prepared = PreparedStatements(driver)
        else:
            self.cursor = driver.cursor()
        #: Held while a statement runs: drivers die if a connection is closed meanwhile.
        self.busy = threading.Lock()
        #: Also when its thread ends.
        self.close = weakref.finalize(self, driver.close)


class KeptConnections:
    """A connection for each thread. PostgreSQL keeps the plans of what is run on them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        assert engine.dialect.loaded_dbapi is not None
        self._driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._begin_anew()
        event.listen(engine, "engine_disposed", lambda _: self.close())
        _everywhere.add(self)

    def _begin_anew(self) -> None:
        self._own = threading.local()
        self._kept: weakref.WeakSet[_Connection] = weakref.WeakSet()

    def rows(self, compiled: Compiled | Together, parameters: dict[str, Any]) -> list[Row]:
        """Run a statement once; return its rows, with the driver's values.

        :raises sqlalchemy.exc.DBAPIError: also where it is not known whether it was run; the
            thread's next statement has another connection then.
        """
        return self._run(compiled.sql, lambda kept: self._rows(kept, compiled, parameters))

    def decide(self, parts: Sequence[Compiled], parameters: dict[str, Any]) -> bool:
        """Run statements in a transaction on SQLite, unless the first of them returns no row.

        :raises sqlalchemy.exc.DBAPIError: as ``rows``.
        """

        def all_or_nothing(kept: _Connection) -> bool:
            kept.cursor.execute("BEGIN IMMEDIATE")
            try:
                decided = bool(self._rows(kept, parts[0], parameters))
                for part in parts[1:] if decided else ():
                    self._rows(kept, part, parameters)
            except BaseException:
                kept.cursor.execute("ROLLBACK")
                raise
            kept.cursor.execute("COMMIT")
            return decided

        return self._run(parts[0].sql, all_or_nothing)

    def _run(self, sql: str, run: Callable[[_Connection], Result]) -> Result:
        connection = None
        try:
            connection = self.connection()
            with connection.busy:
                return run(connection)
        except self._driver_error as error:
            driver = None if connection is None else connection.driver
            # Before it is closed here: else every error would look like a lost connection.
            wrapped = wrapped_error(self.engine, driver, error, sql)
            # An error may come of what is prepared: only a conflict certainly does not.
            if connection is not None and not is_conflict(error):
                self._own.kept = None
                connection.close()
            raise wrapped from error

    def connection(self) -> _Connection:
        """Return the connection of this thread.

        :raises: the driver's errors.
        """
        kept: _Connection | None = getattr(self._own, "kept", None)
        if kept is None:
            kept = self._own.kept = _Connection(self.engine)
            self._kept.add(kept)
        return kept

    def close(self) -> None:
        """Close the connections of every thread; the next statement opens another."""
        for kept in list(self._kept):
            with kept.busy:
                kept.close()
        self._own = threading.local()

    def after_fork(self) -> None:
        """Leave what is open to the process that this one was forked from.

        Two processes on one connection would get each other's rows, and closing it here would end
        it there too.
        """
        every = list(self._kept)
        for kept in every:
            kept.close.detach()
        #: Kept, since a connection without a reference is closed.
        self._inherited = (every, self.engine.pool)
        self._begin_anew()
        self.engine.dispose(close=False)

    def _rows(
        self, connection: _Connection, compiled: Compiled | Together, parameters: dict[str, Any]
    ) -> list[Row]:
        values = compiled.values(parameters)
        if compiled.prepared is not None:
            ordered = map(values.__getitem__, compiled.prepared.positions)
            rows: list[Row] = connection.prepared.rows(compiled.prepared, ordered)
        else:
            rows = connection.cursor.execute(compiled.sql, values).fetchall()
        return rows


_everywhere: weakref.WeakSet[KeptConnections] = weakref.WeakSet()


def _after_fork() -> None:
    for connections in list(_everywhere):
        connections.after_fork()


os.register_at_fork(after_in_child=_after_fork)
