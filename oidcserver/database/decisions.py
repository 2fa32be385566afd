"""Decisions: what is written together, in one statement where the database can.

Of several requests that want the same thing one statement decides, and all that follows from it is
written with it or not at all.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import Table, bindparam, exists, insert, select, true
from sqlalchemy.orm import DeclarativeBase, Session

from oidcserver.database.objects import Model, detached
from oidcserver.database.statements import Transaction


class NewRow:
    """A row to be inserted: the columns that are given, and the model's defaults for the rest.

    The session's own way of writing finds out by itself what changed and in which order it is to
    be written, which takes longer than the database does.
    """

    def __init__(self, model: type[Model], **columns: Any) -> None:
        self._model = model
        self._values = {
            name: columns[name] if name in columns else default(None)
            for name, default in _defaults(model)
        }

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of the statements that insert such rows."""
        return {f"{self._model.__tablename__}_{name}": v for name, v in self._values.items()}

    def insert(self, dbsession: Session) -> None:
        """Insert it at once, by itself."""
        Transaction(dbsession).first(_insert(self._model, None), **self.parameters)

    def object(self) -> Any:
        """Return the object of the row, which belongs to no session and is to be read only."""
        return detached(self._model, self._values)


class Decision:
    """A statement that decides, and what follows from it: all of it happens, or nothing.

    Make it once, as a constant.

    :param deciding: an insert or update that returns a row, or none where it decides against.
    :param following: each takes a condition and returns the insert or update that it guards.
    """

    def __init__(self, deciding: Any, *following: Callable[[Any], Any]) -> None:
        decided = deciding.cte("decided")
        condition = exists().select_from(decided)
        #: All in one statement, as PostgreSQL can.
        self.whole = select(decided).add_cte(
            *(follow(condition).cte(f"following_{at}") for at, follow in enumerate(following))
        )
        self.parts = [deciding, *(follow(true()) for follow in following)]


def inserting(model: type[DeclarativeBase]) -> Callable[[Any], Any]:
    """Return what inserts a :class:`NewRow`, as a part of a decision."""
    return lambda condition: _insert(model, condition)


def decide(dbsession: Session, decision: Decision, **parameters: Any) -> bool:
    """Run a decision; return how it was decided. Of several at once, one gets True.

    It is part of the session's transaction where that has begun. Otherwise, on PostgreSQL, it is
    a transaction by itself, and committed when this returns.

    :raises sqlalchemy.exc.DBAPIError: as from the session.
    """
    alone = dbsession.info.get("alone")
    if alone is not None and not dbsession.in_transaction():
        return alone.first(decision.whole, **parameters) is not None
    transaction = Transaction(dbsession)
    if dbsession.get_bind().dialect.name == "postgresql":
        return transaction.first(decision.whole, **parameters) is not None
    deciding, *following = decision.parts
    if transaction.first(deciding, **parameters) is None:
        return False
    for statement in following:
        transaction.first(statement, **parameters)
    return True


@cache
def _insert(model: type[DeclarativeBase], condition: Any) -> Any:
    """Return the statement that inserts a row, if a condition holds or is None."""
    table = model.__table__
    assert isinstance(table, Table)
    values = {
        column: bindparam(f"{table.name}_{column.key}", type_=column.type)
        for column in table.columns
    }
    if condition is None:
        return insert(table).values(values)
    return insert(table).from_select(
        [column.key for column in values],
        select(*values.values()).where(condition),
        include_defaults=False,
    )


@cache
def _defaults(model: type[DeclarativeBase]) -> tuple[tuple[str, Any], ...]:
    """Return what makes the value of each column that is not given."""
    return tuple((column.key, _default(column)) for column in model.__table__.columns)


def _default(column: Any) -> Any:
    default = column.default
    if default is None:
        return lambda context: None
    return default.arg if default.is_callable else lambda context: default.arg
