"""Statements at the driver's own cost: compiled once, run without the ORM's bookkeeping.

Building, compiling and mapping a statement takes SQLAlchemy several times as long as the driver
takes to run it. What every request runs is therefore made once, as a constant of its module.
"""

from collections.abc import Callable, Iterable
from contextlib import closing
from functools import cache
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, Insert, Table, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import manager_of_class

from oidcserver.models.base import Base

Model = TypeVar("Model", bound=Base)
Row = tuple[Any, ...]


class Compiled:
    """A statement as the driver takes it, and what makes values and objects of its columns."""

    def __init__(self, engine: Engine, statement: Any) -> None:
        dialect = engine.dialect
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
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
        return _detached(selected, zip(names, values, strict=False))

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
        try:
            with closing(connection.connection.cursor()) as cursor:
                cursor.execute(compiled.sql, values)
                row = cursor.fetchone() if cursor.description else None
        except connection.dialect.loaded_dbapi.Error as error:
            raise self._wrapped(error, compiled.sql) from error
        return None if row is None else compiled.objects(compiled.convert(row))

    def _wrapped(self, error: Any, sql: str) -> DBAPIError:
        connection, dialect = self._connection, self._connection.dialect
        lost = dialect.is_disconnect(error, connection.connection.driver_connection, None)
        if lost:
            connection.invalidate(error)
        base = dialect.loaded_dbapi.Error
        wrapped: DBAPIError = DBAPIError.instance(
            sql, None, error, base, connection_invalidated=lost
        )
        return wrapped


def insert_once(dbsession: Session, model: type[Base], **columns: Any) -> bool:
    """Insert a row; return False where its primary key was there already."""
    dialect = dbsession.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    key = inspect(model).primary_key[0]
    statement = insert(model).values(**columns).on_conflict_do_nothing().returning(key)
    return dbsession.scalar(statement) is not None


def insert_row(dbsession: Session, model: type[Model], **columns: Any) -> Model:
    """Insert a row at once, with the model's defaults; return its object, to be read only.

    The session's own way of writing finds out by itself what changed and in which order it is to
    be written.
    """
    statement, defaults = _insert(model)
    values = {
        name: columns[name] if name in columns else default(None) for name, default in defaults
    }
    Transaction(dbsession).first(statement, **values)
    return _detached(model, values)


def _detached(model: type[Model], values: Any) -> Model:
    """Return an object that belongs to no session."""
    manager: Any = manager_of_class(model)
    instance: Model = manager.new_instance()
    instance.__dict__.update(values)
    return instance


@cache
def _insert(model: type[Base]) -> tuple[Insert, tuple[tuple[str, Any], ...]]:
    """Return the statement, and what makes the value of each column that is not given."""
    table = model.__table__
    assert isinstance(table, Table)
    return table.insert(), tuple((column.key, _default(column)) for column in table.columns)


def _default(column: Any) -> Any:
    default = column.default
    if default is None:
        return lambda context: None
    return default.arg if default.is_callable else lambda context: default.arg
