"""Records: rows as frozen objects, made without the ORM's bookkeeping.

A model names the class of its records, a frozen dataclass, by ``__record__``. The fields are
columns of the model, all or some of them.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import cache, lru_cache, partial
from operator import itemgetter
from typing import Any

from sqlalchemy import JSON, Dialect, Text, cast
from sqlalchemy.orm import DeclarativeBase

Row = tuple[Any, ...]
_Convert = Callable[[Any], Any]


@cache
def record_columns(model: type[DeclarativeBase]) -> Sequence[Any]:
    """Return the columns of the records of a model, in the order of their fields."""
    return [model.__table__.columns[field.name] for field in fields(record_class(model))]


def record_class(model: type[DeclarativeBase]) -> Any:
    """Return the class of the records of a model."""
    return model.__dict__["__record__"]


def with_records(statement: Any) -> Any:
    """Return a SELECT that takes of each model the columns of its records.

    It has JSON as text, so that rows show without parsing whether they are as they were before.
    """
    columns = [column for _, own in _items(statement) for column in own]
    return statement.with_only_columns(
        *(cast(column, Text) if _is_json(column) else column for column in columns),
        maintain_column_froms=True,
    )


def parts_of_row(dialect: Dialect, statement: Any, kept: int = 0) -> list[Callable[[Row], Any]]:
    """Return functions that take a row of a SELECT, and return one of its results each.

    :param statement: before ``with_records``.
    :param kept: how many records of a model are kept: a row that has not changed gets the same
        record again.
    """
    parts: list[Callable[[Row], Any]] = []
    at = 0
    for model, columns in _items(statement):
        converters = [_converter(dialect, column) for column in columns]
        if model is None:
            parts.append(_value(at, converters[0]))
        else:
            make: Callable[[Row], Any] = partial(_make, record_class(model), _needed(converters))
            if kept:
                make = lru_cache(kept)(make)
            parts.append(partial(_record, make, slice(at, at + len(columns))))
        at += len(columns)
    return parts


def _items(statement: Any) -> list[tuple[type[DeclarativeBase] | None, Sequence[Any]]]:
    """Return the model, or None, and the columns of each result of a SELECT."""
    found = [(item["expr"], item["expr"]) for item in statement.column_descriptions]
    return [
        (model, record_columns(model)) if isinstance(model, type) else (None, [column])
        for model, column in found
    ]


def _value(at: int, convert: _Convert | None) -> Callable[[Row], Any]:
    return itemgetter(at) if convert is None else lambda row: convert(row[at])


def _record(make: Callable[[Row], Any], where: slice, row: Row) -> Any:
    return make(row[where])


def _make(record: Any, converters: list[tuple[int, _Convert]], row: Row) -> Any:
    if converters:
        values = list(row)
        for at, convert in converters:
            values[at] = convert(values[at])
        return record(*values)
    return record(*row)


def _needed(converters: Sequence[_Convert | None]) -> list[tuple[int, _Convert]]:
    return [(at, convert) for at, convert in enumerate(converters) if convert is not None]


def _is_json(column: Any) -> bool:
    return isinstance(column.type, JSON)


def _converter(dialect: Dialect, column: Any) -> _Convert | None:
    if _is_json(column):
        return _parse
    convert: _Convert | None = column.type.dialect_impl(dialect).result_processor(dialect, None)
    return convert


def _parse(text: str | None) -> Any:
    return None if text is None else json.loads(text)
