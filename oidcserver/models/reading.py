"""Reading one row, outside of the request's transaction and at the driver's own cost.

Most requests read two or three rows by their keys and write nothing. For that a transaction's
round trips and the ORM's bookkeeping are most of the time, so these reads go over a connection
that each thread keeps, in autocommit: they see what is committed at that moment.
"""

import threading
import weakref
from functools import cache
from typing import Any

from sqlalchemy import Engine, Select, bindparam, event, inspect, select

from oidcserver.models.base import Base
from oidcserver.models.statements import Compiled, Model, Row, compiled_for


class _Connection:
    """A connection that one thread keeps, taken out of the pool for good."""

    def __init__(self, engine: Engine) -> None:
        pooled = engine.raw_connection()
        driver: Any = pooled.driver_connection
        pooled.detach()
        engine.dialect.set_isolation_level(driver, "AUTOCOMMIT")
        self.driver = driver
        #: Also when its thread ends.
        self.close = weakref.finalize(self, driver.close)


class Reader:
    """Reads rows; ``registry.reader``. One object serves every thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._own = threading.local()
        self._kept: weakref.WeakSet[_Connection] = weakref.WeakSet()
        event.listen(engine, "engine_disposed", lambda _: self.close())

    def first(self, statement: Select[Any], **parameters: Any) -> Any:
        """Return the first row of a statement, as a tuple, or None.

        It holds values of columns and objects of models, as the statement selects them.

        The objects belong to no session and are to be read only. The statement is kept: make it
        once.

        :raises sqlalchemy.exc.DBAPIError: if the database cannot be asked.
        """
        compiled = compiled_for(self._engine, statement)
        try:
            row = self._execute(compiled, parameters)
        except self._engine.dialect.loaded_dbapi.Error:
            self._forget()
            # The connection may have been cut while nobody used it: once more, by the usual way.
            with self._engine.connect() as connection:
                found = connection.execute(statement, parameters).first()
                return None if found is None else compiled.objects(found)
        return None if row is None else compiled.objects(compiled.convert(row))

    def get(self, model: type[Model], key: str) -> Model | None:
        """Return the object of a primary key, or None; it is to be read only."""
        row = self.first(_by_key(model), key=key)
        return None if row is None else row[0]

    def close(self) -> None:
        """Close the connections of every thread; the next read opens another."""
        for kept in list(self._kept):
            kept.close()
        self._own = threading.local()

    def _execute(self, compiled: Compiled, parameters: dict[str, Any]) -> Row | None:
        cursor = self._connection().cursor()
        try:
            cursor.execute(compiled.sql, compiled.values(parameters))
            row: Row | None = cursor.fetchone()
            return row
        finally:
            cursor.close()

    def _connection(self) -> Any:
        kept = getattr(self._own, "kept", None)
        if kept is None:
            kept = self._own.kept = _Connection(self._engine)
            self._kept.add(kept)
        return kept.driver

    def _forget(self) -> None:
        kept = getattr(self._own, "kept", None)
        if kept is not None:
            self._own.kept = None
            kept.close()


@cache
def _by_key(model: type[Base]) -> Select[Any]:
    return select(model).where(inspect(model).primary_key[0] == bindparam("key"))
