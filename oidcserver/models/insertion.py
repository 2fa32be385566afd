"""Insert unless it is there: the statement that decides who was first."""

from typing import Any

from sqlalchemy import inspect
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
