"""Statements at the driver's own cost: compiled once, run without the ORM's bookkeeping.

Building, compiling and mapping a statement takes SQLAlchemy several times as long as the driver
takes to run it. So the statements of every request are made once, as constants of their modules.
"""

from typing import Any

from sqlalchemy import Engine, Select, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session

from oidcserver.database.engine import hide_values
from oidcserver.database.prepared import Prepared
from oidcserver.database.records import Row, parts_of_row, with_records


class Read:
    """A SELECT of one row. Make it once, as a constant: what it compiles to is kept.

    It gives a tuple of values of columns and records of models, as the statement selects them.

    :param together: threads that wait for it at the same time are answered by one statement
        (PostgreSQL only). For rows that many requests read; several threads get the same record.
    """

    def __init__(self, select: Select[*tuple[Any, ...]], *, together: bool = False) -> None:
        self.select = select
        self.together = together


class Compiled:
    """A statement as the driver takes it, and what makes values and records of its rows.

    :param kept: of how many different rows of a model the records are kept.
    """

    def __init__(self, engine: Engine, statement: Any, kept: int = 0) -> None:
        dialect = engine.dialect
        self._parts: list[Any] = []
        if statement.is_select:
            self._parts = parts_of_row(dialect, statement, kept)
            statement = with_records(statement)
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

    def selected(self, row: Row) -> Row:
        """Return the results of a SELECT: values of columns and records of models."""
        return tuple(part(row) for part in self._parts)


def _prepared(dialect: Any, statement: Any) -> Prepared:
    compiled = statement.compile(dialect=type(dialect)(paramstyle="numeric_dollar"))
    return Prepared(str(compiled), compiled.positiontup)


def wrapped_error(engine: Engine, driver_connection: Any, error: Any, sql: str) -> DBAPIError:
    """Return the exception that SQLAlchemy would raise for a driver's error."""
    lost = engine.dialect.is_disconnect(error, driver_connection, None)
    base = engine.dialect.loaded_dbapi.Error
    hide_values(error)
    wrapped: DBAPIError = DBAPIError.instance(sql, None, error, base, connection_invalidated=lost)
    return wrapped


def insert_once(dbsession: Session, model: type[DeclarativeBase], **columns: Any) -> bool:
    """Insert a row in a session's transaction; return False where its key was there already."""
    dialect = dbsession.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    key = inspect(model).primary_key[0]
    statement = insert(model).values(**columns).on_conflict_do_nothing().returning(key)
    return dbsession.scalar(statement) is not None
