"""Inserting a row by a statement of its own."""

from functools import cache
from typing import Any

from sqlalchemy import Insert, Table, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from oidcserver.models.base import Base


def insert_once(dbsession: Session, model: type[Base], **columns: Any) -> bool:
    """Insert a row; return False where its primary key was there already."""
    dialect = dbsession.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    key = inspect(model).primary_key[0]
    statement = insert(model).values(**columns).on_conflict_do_nothing().returning(key)
    return dbsession.scalar(statement) is not None


def insert_row(dbsession: Session, row: Base) -> None:
    """Insert a new object at once, with its defaults; it does not become one of the session's.

    The session's own way of writing, which finds out by itself what changed and in which order
    it is to be written, takes several times as long.
    """
    statement, defaults = _statement(type(row))
    values = {
        name: row.__dict__[name] if name in row.__dict__ else default(None)
        for name, default in defaults
    }
    row.__dict__.update(values)
    dbsession.connection().execute(statement, values)


@cache
def _statement(model: type[Base]) -> tuple[Insert, tuple[tuple[str, Any], ...]]:
    """Return the statement, and what makes the value of each column that is not given."""
    table = model.__table__
    assert isinstance(table, Table)
    return table.insert(), tuple((column.key, _default(column)) for column in table.columns)


def _default(column: Any) -> Any:
    default = column.default
    if default is None:
        return lambda context: None
    return default.arg if default.is_callable else lambda context: default.arg
