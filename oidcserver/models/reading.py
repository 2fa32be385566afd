"""Reading one row, outside of the request's transaction and at the driver's own cost.

Most requests read two or three rows by their keys and write nothing. For that a transaction's
round trips and the ORM's bookkeeping are most of the time, so these reads go over a connection
that each thread keeps, in autocommit: they see what is committed at that moment.
"""

import threading
import weakref
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Engine, Select, bindparam, event, inspect, select
from sqlalchemy.orm.attributes import manager_of_class

from oidcserver.models.base import Base

Model = TypeVar("Model", bound=Base)
Row = tuple[Any, ...]


class _Compiled:
    """A statement as the driver takes it, and what makes values and objects of its columns."""

    def __init__(self, engine: Engine, statement: Select[Any]) -> None:
        dialect = engine.dialect
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        #: The names in the order of their question marks, where the driver takes those.
        self.positions = compiled.positiontup
        self.constants = {k: v for k, v in compiled.params.items() if v is not None}
        processors = [
            column.type.dialect_impl(dialect).result_processor(dialect, None)
            for column in statement.selected_columns
        ]
        self.processors = [(at, convert) for at, convert in enumerate(processors) if convert]
        self.entities = [_entity(item["expr"]) for item in statement.column_descriptions]

    def values(self, parameters: dict[str, Any]) -> Any:
        named = {**self.constants, **parameters} if self.constants else parameters
        return named if self.positions is None else [named[name] for name in self.positions]

    def convert(self, row: Row) -> Row:
        """Return Python's values for the driver's."""
        if not self.processors:
            return row
        values = list(row)
        for at, convert in self.processors:
            values[at] = convert(values[at])
        return tuple(values)

    def objects(self, values: Iterable[Any]) -> Row:
        """Return what was selected: values of columns, objects of models."""
        rest = iter(values)
        return tuple(take(rest) for take in self.entities)


def _entity(selected: Any) -> Callable[[Any], Any]:
    """Return what takes one value, or the values of one object, from an iterator."""
    if not isinstance(selected, type):
        return next
    mapper: Any = inspect(selected)
    names = [mapper.get_property_by_column(column).key for column in mapper.columns]
    manager: Any = manager_of_class(selected)

    def take(values: Any) -> Any:
        instance = manager.new_instance()
        # In this order: zip asks for a name first, so it takes no value too many.
        instance.__dict__.update(zip(names, values, strict=False))
        return instance

    return take


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
        self._compiled: dict[Select[Any], _Compiled] = {}
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
        compiled = self._compiled.get(statement)
        if compiled is None:
            compiled = self._compiled[statement] = _Compiled(self._engine, statement)
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

    def _execute(self, compiled: _Compiled, parameters: dict[str, Any]) -> Row | None:
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
