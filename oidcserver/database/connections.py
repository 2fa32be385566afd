"""Connections that threads keep: a statement on them is a transaction by itself.

A request's own transaction costs two round trips more, and a pooled connection is handed out,
reset and taken back each time. What is one statement needs none of it.
"""

import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Engine, event

from oidcserver.database.objects import Row
from oidcserver.database.prepared import Prepared, Together
from oidcserver.database.statements import Compiled, wrapped_error

Outcome = TypeVar("Outcome")

#: SQLSTATE: the server's connection has not got this prepared statement. Nothing was run.
_NOT_PREPARED = "26000"
#: SQLSTATE: it has got one of this name already. Nothing was run.
_PREPARED = "42P05"


class _Connection:
    """A connection in autocommit, taken out of the pool for good, with its one cursor."""

    def __init__(self, engine: Engine) -> None:
        pooled = engine.raw_connection()
        driver: Any = pooled.driver_connection
        pooled.detach()
        engine.dialect.set_isolation_level(driver, "AUTOCOMMIT")
        self.driver, self.cursor = driver, driver.cursor()
        #: Held while a statement runs: the driver of SQLite dies if it is closed meanwhile.
        self.busy = threading.Lock()
        #: The names of the statements that PostgreSQL keeps for it, as far as is known.
        self.prepared: set[str] = set()
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

    def _run(self, sql: str, run: Callable[[_Connection], Outcome]) -> Outcome:
        connection = None
        try:
            connection = self.connection()
            with connection.busy:
                return run(connection)
        except self._driver_error as error:
            driver = None if connection is None else connection.driver
            # Before it is closed here: else every error would look like a lost connection.
            wrapped = wrapped_error(self.engine, driver, error, sql)
            if connection is not None:
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
        #: Kept, for what nobody refers to is closed.
        self._inherited = (every, self.engine.pool)
        self._begin_anew()
        self.engine.dispose(close=False)

    def _rows(
        self, connection: _Connection, compiled: Compiled | Together, parameters: dict[str, Any]
    ) -> list[Row]:
        cursor = connection.cursor
        if compiled.prepared is None:
            cursor.execute(compiled.sql, compiled.values(parameters))
        else:
            self._execute_prepared(connection, compiled, compiled.prepared, parameters)
        rows: list[Row] = cursor.fetchall() if cursor.description else []
        return rows

    def _execute_prepared(
        self,
        connection: _Connection,
        compiled: Compiled | Together,
        prepared: Prepared,
        parameters: Any,
    ) -> None:
        """Parsing and planning takes PostgreSQL several times as long as a read by key.

        A pooler may hand each message to another of the server's connections, which has got the
        statement under its name, or not. So it is prepared in the message that executes it, and
        executed unprepared where two connections in turn were not as expected.
        """
        values = compiled.values(parameters)
        ordered = [values[name] for name in prepared.positions]
        attempts = [prepared.execute, prepared.prepare_and_execute]
        if prepared.name not in connection.prepared:
            attempts.reverse()
        for attempt in attempts:
            try:
                connection.cursor.execute(attempt, ordered)
            except self._driver_error as error:
                if getattr(error, "pgcode", None) not in {_NOT_PREPARED, _PREPARED}:
                    raise
            else:
                connection.prepared.add(prepared.name)
                return
        connection.cursor.execute(compiled.sql, values)


_everywhere: weakref.WeakSet[KeptConnections] = weakref.WeakSet()


def _after_fork() -> None:
    for connections in list(_everywhere):
        connections.after_fork()


os.register_at_fork(after_in_child=_after_fork)
