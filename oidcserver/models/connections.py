"""Connections that threads keep: a statement on them is a transaction by itself.

A request's own transaction costs two round trips more, and a pooled connection is handed out,
reset and taken back each time. What is one statement needs none of it.
"""

import threading
import weakref
from typing import Any

from sqlalchemy import Engine, event

from oidcserver.models.statements import Compiled, Prepared, Row, compiled_for, wrapped_error

#: SQLSTATE: a pooler handed out another connection than the one that prepared the statement.
_NOT_PREPARED = "26000"
#: SQLSTATE: somebody prepared it on this connection before, under the same name.
_PREPARED = "42P05"


class _Connection:
    """A connection in autocommit, taken out of the pool for good, with its one cursor."""

    def __init__(self, engine: Engine) -> None:
        pooled = engine.raw_connection()
        driver: Any = pooled.driver_connection
        pooled.detach()
        engine.dialect.set_isolation_level(driver, "AUTOCOMMIT")
        self.driver, self.cursor = driver, driver.cursor()
        #: The names of the statements that PostgreSQL keeps for it.
        self.prepared: set[str] = set()
        #: Also when its thread ends.
        self.close = weakref.finalize(self, driver.close)


class KeptConnections:
    """A connection for each thread. PostgreSQL keeps the plans of what is run on them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        assert engine.dialect.loaded_dbapi is not None
        self._driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._own = threading.local()
        self._kept: weakref.WeakSet[_Connection] = weakref.WeakSet()
        event.listen(engine, "engine_disposed", lambda _: self.close())

    def first(self, statement: Any, **parameters: Any) -> Row | None:
        """Run a statement once; return its first row, with the driver's values, or None.

        :raises sqlalchemy.exc.DBAPIError: also where it is not known whether it was run.
        """
        compiled, connection = compiled_for(self.engine, statement), self.connection()
        try:
            rows = self.rows(compiled, parameters)
        except self._driver_error as error:
            raise wrapped_error(self.engine, connection.driver, error, compiled.sql) from error
        return rows[0] if rows else None

    def rows(self, compiled: Compiled, parameters: dict[str, Any]) -> list[Row]:
        """Run a statement and return its rows, with the driver's values.

        :raises: the driver's errors; the thread's next statement has another connection then.
        """
        connection = self.connection()
        try:
            if compiled.prepared is None:
                connection.cursor.execute(compiled.sql, compiled.values(parameters))
            else:
                self._execute_prepared(connection, compiled.prepared, compiled.values(parameters))
            rows: list[Row] = connection.cursor.fetchall() if connection.cursor.description else []
            return rows
        except self._driver_error:
            self._own.kept = None
            connection.close()
            raise

    def connection(self) -> _Connection:
        """Return the connection of this thread."""
        kept: _Connection | None = getattr(self._own, "kept", None)
        if kept is None:
            kept = self._own.kept = _Connection(self.engine)
            self._kept.add(kept)
        return kept

    def close(self) -> None:
        """Close the connections of every thread; the next statement opens another."""
        for kept in list(self._kept):
            kept.close()
        self._own = threading.local()

    def _execute_prepared(self, connection: _Connection, prepared: Prepared, values: Any) -> None:
        """Parsing and planning takes PostgreSQL several times as long as a read by key.

        The name is made of the text, so a pooler that hands connections around does no harm.
        """
        ordered = [values[name] for name in prepared.positions]
        cursor = connection.cursor
        if prepared.name in connection.prepared:
            try:
                cursor.execute(prepared.execute, ordered)
                return
            except self._driver_error as error:
                if getattr(error, "pgcode", None) != _NOT_PREPARED:
                    raise
        try:
            cursor.execute(prepared.prepare)
        except self._driver_error as error:
            if getattr(error, "pgcode", None) != _PREPARED:
                raise
        connection.prepared.add(prepared.name)
        cursor.execute(prepared.execute, ordered)
