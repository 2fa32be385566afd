"""Statements as PostgreSQL keeps them with their plans, for one request or for several."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: The arrays that values of Python's types are sent in. None is bounded, or it would cut a text.
_ARRAYS = {str: "TEXT[]", int: "BIGINT[]"}


class Prepared:
    """A statement as PostgreSQL keeps it, by a name that is made of its text.

    :param sql: with ``$1`` for the first value, and so on; it says the type of each.
    :param positions: the names of the values, in their order.
    """

    def __init__(self, sql: str, positions: Sequence[str]) -> None:
        self.sql = sql.encode()
        self.name = b"oidcserver_" + hashlib.sha256(self.sql).hexdigest()[:16].encode()
        self.positions = tuple(positions)


class Together:
    """A SELECT for several who ask at once, each with values of their own.

    Each gets the first of its rows, which begins with its number, counted from one. The limit also
    keeps the planner from joining all that is asked with the tables: each is looked up by itself,
    by the plan of a statement for one.

    :param sql: the SELECT for one, with ``%(name)s`` for a value.
    :param types: the types of its values, by name.
    :raises KeyError: for a value that is neither text nor an integer.
    """

    def __init__(self, sql: str, types: Mapping[str, Any]) -> None:
        self.names = tuple(types)
        arrays = [_ARRAYS[value_type.python_type] for value_type in types.values()]
        columns = {name: f"value_{at}" for at, name in enumerate(types)}
        one = sql % {name: f"asked.{column}" for name, column in columns.items()}
        # Of a SELECT the planner guesses the length, as it does when it plans for all values.
        # Where it knows that there is one, it plans anew each time.
        asked = (f"(SELECT CAST(${at} AS {array}))" for at, array in enumerate(arrays, 1))
        # S608: of compiled SQL and of names and types of our own.
        self.sql = (
            "SELECT asked.number, found.* "  # noqa: S608
            f"FROM unnest({', '.join(asked)}) WITH ORDINALITY "
            f"AS asked ({', '.join(columns.values())}, number) "
            f"CROSS JOIN LATERAL (SELECT * FROM ({one}) AS one LIMIT 1) AS found"
        )
        self.prepared = Prepared(self.sql, self.names)

    def values(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the driver's values for sequences of values: PostgreSQL's arrays, as text."""
        return {name: _array(values) for name, values in parameters.items()}


def _array(values: Iterable[str | int]) -> str:
    """Return an array in the text format of PostgreSQL, which psycopg takes ten times as long for.

    Everything is quoted, numbers too; there is no NULL.
    """
    quoted = (str(value).replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return '{"' + '","'.join(quoted) + '"}'
