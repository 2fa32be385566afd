"""Objects and values of the rows that a driver returns, without the ORM's bookkeeping."""

import json
from collections.abc import Callable
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import JSON, Dialect, Text, cast, inspect
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm.attributes import manager_of_class

Model = TypeVar("Model", bound=DeclarativeBase)
Row = tuple[Any, ...]
_Convert = Callable[[Any], Any]


def with_json_as_text(statement: Any) -> Any:
    """Return a SELECT whose rows show without parsing whether they are as they were before."""
    columns = [cast(c, Text) if _is_json(c) else c for c in statement.exported_columns]
    return statement.with_only_columns(*columns, maintain_column_froms=True)


def parts_of_row(dialect: Dialect, statement: Any, kept: int = 0) -> list[Callable[[Row], Any]]:
    """Return what takes each of the things that a statement returns out of one of its rows.

    That of a SELECT has JSON as text.

    :param kept: of how many different rows of a model the objects are kept; of one that is as it
        was before the same object comes again.
    """
    columns = list(statement.exported_columns)
    if not statement.is_select:
        return [_value(at, _converter(dialect, column)) for at, column in enumerate(columns)]
    parts: list[Callable[[Row], Any]] = []
    at = 0
    for item in statement.column_descriptions:
        model = item["expr"]
        if isinstance(model, type):
            end = at + len(inspect(model).columns)
            parts.append(partial(_object, _maker(dialect, model, kept), slice(at, end)))
            at = end
        else:
            parts.append(_value(at, _text_converter(dialect, columns[at])))
            at += 1
    return parts


def detached(model: type[Model], values: Any) -> Model:
    """Return an object that belongs to no session.

    :param values: pairs of attributes and values, or a mapping.
    """
    manager: Any = manager_of_class(model)
    instance: Model = manager.new_instance()
    instance.__dict__.update(values)
    return instance


def _value(at: int, convert: _Convert | None) -> Callable[[Row], Any]:
    return itemgetter(at) if convert is None else lambda row: convert(row[at])


def _object(make: Callable[[Row], Any], where: slice, row: Row) -> Any:
    return make(row[where])


def _maker(dialect: Dialect, model: type[DeclarativeBase], kept: int) -> Callable[[Row], Any]:
    """Return what makes an object of the values of its columns."""
    columns = list(inspect(model).columns)
    names = [inspect(model).get_property_by_column(column).key for column in columns]
    found = ((at, _text_converter(dialect, column)) for at, column in enumerate(columns))
    converters = [(at, convert) for at, convert in found if convert is not None]
    make = partial(_make, model, names, converters)
    return lru_cache(kept)(make) if kept else make


def _make(
    model: type[DeclarativeBase], names: list[str], converters: list[tuple[int, _Convert]], row: Row
) -> Any:
    values = list(row)
    for at, convert in converters:
        values[at] = convert(values[at])
    return detached(model, zip(names, values, strict=True))


def _is_json(column: Any) -> bool:
    return isinstance(column.type, JSON)


def _converter(dialect: Dialect, column: Any) -> _Convert | None:
    convert: _Convert | None = column.type.dialect_impl(dialect).result_processor(dialect, None)
    return convert


def _text_converter(dialect: Dialect, column: Any) -> _Convert | None:
    return _parse if _is_json(column) else _converter(dialect, column)


def _parse(text: str | None) -> Any:
    return None if text is None else json.loads(text)
