"""Atomic writes: one statement decides, and all that follows from it is written with it or not.

Of several requests that want the same thing one gets it. Its rows may come from several authors:
each adds what follows from the decision by :meth:`AtomicWrite.also`.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import Insert, Table, bindparam, exists, insert, inspect, select, true
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase

from oidcserver.database.records import record_class, record_columns

#: Takes a condition and returns the insert or update that it guards.
Following = Callable[[Any], Any]


class NewRow:
    """A row to be inserted: the columns that are given, and the model's defaults for the rest."""

    def __init__(self, model: type[DeclarativeBase], **columns: Any) -> None:
        self._model = model
        self._values: dict[str, Any] = {}
        for name, default in _defaults(model):
            self._values[name] = columns[name] if name in columns else default(self)

    def get_current_parameters(self) -> dict[str, Any]:
        """Return the columns so far, as the context that SQLAlchemy gives to a default does."""
        return self._values

    @property
    def values(self) -> dict[str, Any]:
        """The values of the statements that insert such rows; their names begin with the table."""
        return {f"{self._model.__tablename__}_{name}": v for name, v in self._values.items()}

    def record(self) -> Any:
        """Return the record of the row."""
        values = self._values
        return record_class(self._model)(
            *(values[column.key] for column in record_columns(self._model))
        )


class AtomicWrite:
    """A statement that decides, and what follows from it: all of it happens, or nothing.

    It is one statement on PostgreSQL and one transaction on SQLite. Make it once, as a constant:
    what it compiles to is kept.

    :param deciding: an insert, update or delete that returns a row, or none where it decides
        against.
    :param following: written in this order, if the decision is for it.
    :raises AssertionError: where two that follow write to one table, for PostgreSQL does not say
        which of them it would carry out, or where two parts take a value of the same name.
    """

    def __init__(self, deciding: Any, *following: Following) -> None:
        self._deciding, self._following = deciding, following
        self._combined: dict[tuple[Following, ...], AtomicWrite] = {}
        decided = deciding.cte("decided")
        condition = exists().select_from(decided)
        #: All in one statement, as PostgreSQL can.
        self.whole = select(decided).add_cte(
            *(follow(condition).cte(f"following_{at}") for at, follow in enumerate(following))
        )
        self.parts = [deciding, *(follow(true()) for follow in following)]
        tables = [part.table for part in self.parts[1:]]
        assert len({*tables}) == len(tables), f"{[t.name for t in tables]} has a table twice"
        names = [name for part in self.parts for name in _value_names(part)]
        #: The names of the values that it takes.
        self.names = frozenset(names)
        assert len(self.names) == len(names), f"{sorted(names)} has a name twice"

    def also(self, *following: Following) -> "AtomicWrite":
        """Return a write that does this too; the same object each time.

        :param following: constants, or made by :func:`inserting`, which returns the same each time.
        :raises AssertionError: as from the class.
        """
        if not following:
            return self
        combined = self._combined.get(following)
        if combined is None:
            combined = AtomicWrite(self._deciding, *self._following, *following)
            self._combined[following] = combined
        return combined


@cache
def inserting(model: type[DeclarativeBase]) -> Following:
    """Return the function that makes the insert of a :class:`NewRow` in an atomic write."""
    return lambda condition: _insert(model, condition)


def insert_deciding(model: type[DeclarativeBase]) -> Any:
    """Return the deciding statement that inserts a :class:`NewRow`, which must not be there yet."""
    return _insert(model, None).returning(inspect(model).primary_key[0])


def insert_if_new(model: type[DeclarativeBase]) -> Any:
    """Return the deciding statement that inserts a :class:`NewRow`, unless its key is there."""
    # SQLite's dialect compiles it as well.
    table = _table(model)
    new: Any = postgresql.insert(table).values(_parameters(table)).on_conflict_do_nothing()
    return new.returning(inspect(model).primary_key[0])


def _insert(model: type[DeclarativeBase], condition: Any) -> Insert:
    """Return the statement that inserts a row, if a condition holds or is None."""
    table = _table(model)
    values = _parameters(table)
    if condition is None:
        return insert(table).values(values)
    return insert(table).from_select(
        [column.key for column in values],
        select(*values.values()).where(condition),
        include_defaults=False,
    )


def _table(model: type[DeclarativeBase]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


def _parameters(table: Table) -> dict[Any, Any]:
    return {
        column: bindparam(f"{table.name}_{column.key}", type_=column.type)
        for column in table.columns
    }


def _value_names(statement: Any) -> list[str]:
    """Return the names of the values that a statement takes; what it says itself has no name."""
    return [name for name, value in statement.compile().params.items() if value is None]


@cache
def _defaults(model: type[DeclarativeBase]) -> tuple[tuple[str, Any], ...]:
    """Return a function for each column, which makes the value that is not given."""
    return tuple((column.key, _default(column)) for column in model.__table__.columns)


def _default(column: Any) -> Any:
    default = column.default
    if default is None:
        return lambda context: None
    return default.arg if default.is_callable else lambda context: default.arg
