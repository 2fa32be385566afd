"""Statements at the driver's own cost: compiled once, run without the ORM's bookkeeping.

Building, compiling and mapping a statement takes SQLAlchemy several times as long as the driver
takes to run it. What every request runs is therefore made once, as a constant of its module.
"""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import manager_of_class

from oidcserver.models.base import Base

Model = TypeVar("Model", bound=Base)
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement as PostgreSQL keeps it with its plan, by a name that is made of its text."""

    name: str
    execute: str
    #: Both in one message, hence in one transaction and on one connection of the server.
    prepare_and_execute: str
    #: The names of the values, in their order.
    positions: tuple[str, ...]


class Compiled:
    """A statement as the driver takes it, and what makes values and objects of its columns."""

    def __init__(self, engine: Engine, statement: Any) -> None:
        dialect = engine.dialect
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self.prepared = _prepare(dialect, statement) if dialect.name == "postgresql" else None
        #: The names in the order of their question marks, where the driver takes those.
        self.positions = compiled.positiontup
        self.constants = {k: v for k, v in compiled.params.items() if v is not None}
        self.binders = _converters(
            (name, bind.type.dialect_impl(dialect).bind_processor(dialect))
            for name, bind in compiled.binds.items()
        )
        columns = statement.exported_columns
        self.processors = _converters(
            (at, column.type.dialect_impl(dialect).result_processor(dialect, None))
            for at, column in enumerate(columns)
        )
        self.entities: list[Callable[[Any], Any]] = [next] * len(columns)
        if statement.is_select:
            self.entities = [_entity(item["expr"]) for item in statement.column_descriptions]

    def values(self, parameters: dict[str, Any]) -> Any:
        """Return the driver's values for Python's."""
        named = {**self.constants, **parameters}
        for name, convert in self.binders:
            named[name] = convert(named[name])
        return named if self.positions is None else tuple(map(named.__getitem__, self.positions))

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


def _prepare(dialect: Any, statement: Any) -> Prepared:
    compiled = statement.compile(dialect=type(dialect)(paramstyle="numeric_dollar"))
    sql, positions = str(compiled), tuple(compiled.positiontup)
    name = "oidcserver_" + hashlib.sha256(sql.encode()).hexdigest()[:16]
    places = f" ({', '.join(['%s'] * len(positions))})" if positions else ""
    execute = f"EXECUTE {name}{places}"
    # The driver reads a percent sign in a text that comes with values.
    prepare = f"PREPARE {name} AS {sql}".replace("%", "%%")
    return Prepared(name, execute, f"{prepare}; {execute}", positions)


def _converters(found: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Callable[[Any], Any]]]:
    return [(name, convert) for name, convert in found if convert is not None]


def _entity(selected: Any) -> Callable[[Any], Any]:
    """Return what takes one value, or the values of one object, from an iterator."""
    if not isinstance(selected, type):
        return next
    mapper: Any = inspect(selected)
    names = [mapper.get_property_by_column(column).key for column in mapper.columns]

    def take(values: Any) -> Any:
        # In this order: zip asks for a name first, so it takes no value too many.
        return detached(selected, zip(names, values, strict=False))

    return take


_compiled: WeakKeyDictionary[Engine, dict[Any, Compiled]] = WeakKeyDictionary()


def compiled_for(engine: Engine, statement: Any) -> Compiled:
    """Return the statement compiled for an engine. It is kept as long as the engine."""
    of_engine = _compiled.get(engine)
    if of_engine is None:
        of_engine = _compiled.setdefault(engine, {})
    compiled = of_engine.get(statement)
    if compiled is None:
        compiled = of_engine[statement] = Compiled(engine, statement)
    return compiled


class Transaction:
    """Runs statements in a session's transaction.

    The session does not write what it holds before, nor notice what changes.
    """

    def __init__(self, dbsession: Session) -> None:
        self._connection = dbsession.connection()

    def first(self, statement: Any, **parameters: Any) -> Any:
        """Run a statement; return its first row as ``Reader.first`` does, or None.

        :param statement: a constant, for it is kept. It says itself what a model's ``onupdate``
            would say.
        :raises sqlalchemy.exc.DBAPIError: as from the session.
        """
        connection = self._connection
        compiled = compiled_for(connection.engine, statement)
        values = compiled.values(parameters)
        driver = connection.connection
        try:
            with closing(driver.cursor()) as cursor:
                cursor.execute(compiled.sql, values)
                row = cursor.fetchone() if cursor.description else None
        except connection.dialect.loaded_dbapi.Error as error:
            wrapped = wrapped_error(
                connection.engine, driver.driver_connection, error, compiled.sql
            )
            if wrapped.connection_invalidated:
                connection.invalidate(error)
            raise wrapped from error
        return None if row is None else compiled.objects(compiled.convert(row))


def wrapped_error(engine: Engine, driver_connection: Any, error: Any, sql: str) -> DBAPIError:
    """Return what SQLAlchemy would raise for a driver's error."""
    lost = engine.dialect.is_disconnect(error, driver_connection, None)
    base = engine.dialect.loaded_dbapi.Error
    wrapped: DBAPIError = DBAPIError.instance(sql, None, error, base, connection_invalidated=lost)
    return wrapped


def insert_once(dbsession: Session, model: type[Base], **columns: Any) -> bool:
    """Insert a row; return False where its primary key was there already."""
    dialect = dbsession.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    key = inspect(model).primary_key[0]
    statement = insert(model).values(**columns).on_conflict_do_nothing().returning(key)
    return dbsession.scalar(statement) is not None


def detached(model: type[Model], values: Any) -> Model:
    """Return an object that belongs to no session."""
    manager: Any = manager_of_class(model)
    instance: Model = manager.new_instance()
    instance.__dict__.update(values)
    return instance
