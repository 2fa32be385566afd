"""Statements at the driver's own cost: compiled once, run without the ORM's bookkeeping.

Building, compiling and mapping a statement takes SQLAlchemy several times as long as the driver
takes to run it. What every request runs is therefore made once, as a constant of its module.
"""

from contextlib import closing
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session

from oidcserver.database.engine import hide_values
from oidcserver.database.objects import Row, parts_of_row, with_json_as_text
from oidcserver.database.prepared import Prepared


class Compiled:
    """A statement as the driver takes it, and what makes values and objects of its rows.

    :param kept: of how many different rows of a model the objects are kept.
    """

    def __init__(self, engine: Engine, statement: Any, kept: int = 0) -> None:
        dialect = engine.dialect
        self._parts = parts_of_row(dialect, statement, kept)
        if statement.is_select:
            statement = with_json_as_text(statement)
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        #: The names in the order of their question marks, where the driver takes those.
        self.positions = compiled.positiontup
        #: The types of the values, by name.
        self.types = {name: compiled.binds[name].type for name in compiled.params}
        self.constants = {k: v for k, v in compiled.params.items() if v is not None}
        self.binders = [
            (name, convert)
            for name, value_type in self.types.items()
            if (convert := value_type.dialect_impl(dialect).bind_processor(dialect)) is not None
        ]
        self.prepared = _prepared(dialect, statement) if dialect.name == "postgresql" else None

    def values(self, parameters: dict[str, Any]) -> Any:
        """Return the driver's values for Python's."""
        named = {**self.constants, **parameters}
        for name, convert in self.binders:
            named[name] = convert(named[name])
        return named if self.positions is None else tuple(map(named.__getitem__, self.positions))

    def objects(self, row: Row) -> Row:
        """Return what was selected, values of columns and objects of models."""
        return tuple(part(row) for part in self._parts)


def _prepared(dialect: Any, statement: Any) -> Prepared:
    compiled = statement.compile(dialect=type(dialect)(paramstyle="numeric_dollar"))
    return Prepared(str(compiled), compiled.positiontup)


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
        return None if row is None else compiled.objects(row)


def wrapped_error(engine: Engine, driver_connection: Any, error: Any, sql: str) -> DBAPIError:
    """Return what SQLAlchemy would raise for a driver's error."""
    lost = engine.dialect.is_disconnect(error, driver_connection, None)
    base = engine.dialect.loaded_dbapi.Error
    hide_values(error)
    wrapped: DBAPIError = DBAPIError.instance(sql, None, error, base, connection_invalidated=lost)
    return wrapped


def insert_once(dbsession: Session, model: type[DeclarativeBase], **columns: Any) -> bool:
    """Insert a row; return False where its primary key was there already."""
    dialect = dbsession.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    key = inspect(model).primary_key[0]
    statement = insert(model).values(**columns).on_conflict_do_nothing().returning(key)
    return dbsession.scalar(statement) is not None
