"""Statements as PostgreSQL keeps them with their plans, for one who asks or for several."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: The arrays that values of Python's types are sent in. None is bounded, or it would cut a text.
_ARRAYS = {str: "TEXT[]", int: "BIGINT[]"}


class Prepared:
    """How a statement is prepared and executed, by a name that is made of its text.

    :param sql: with ``$1`` for the first value, and so on.
    :param positions: the names of the values, in their order.
    """

    def __init__(self, sql: str, positions: Sequence[str]) -> None:
        self.positions = tuple(positions)
        self.name = "oidcserver_" + hashlib.sha256(sql.encode()).hexdigest()[:16]
        places = f" ({', '.join(['%s'] * len(positions))})" if positions else ""
        self.execute = f"EXECUTE {self.name}{places}"
        prepare = _escaped(f"PREPARE {self.name} AS {sql}")
        #: Both in one message, hence in one transaction and on one connection of the server.
        self.prepare_and_execute = f"{prepare}; {self.execute}"


class Together:
    """A SELECT for several who ask at once, each with values of their own.

    Each gets the first of its rows, which begins with its number, counted from one. The limit also
    keeps the planner from joining all that is asked with the tables: each is looked up by itself,
    by the plan of a statement for one.

    :param sql: the SELECT for one, as the driver takes it.
    :param types: the types of its values, by name.
    :raises KeyError: for a value that is neither text nor an integer.
    """

    def __init__(self, sql: str, types: Mapping[str, Any]) -> None:
        self.names = tuple(types)
        arrays = [_ARRAYS[value_type.python_type] for value_type in types.values()]
        columns = {name: f"value_{at}" for at, name in enumerate(types)}
        one = sql % {name: f"asked.{column}" for name, column in columns.items()}

        def whole(places: Iterable[str], one: str) -> str:
            # Of a SELECT the planner guesses the length, as it does when it plans for all values.
            # Where it knows that there is one, it plans anew each time.
            asked = (f"(SELECT CAST({p} AS {a}))" for p, a in zip(places, arrays, strict=True))
            # S608: of compiled SQL and of names and types of our own.
            return (
                "SELECT asked.number, found.* "  # noqa: S608
                f"FROM unnest({', '.join(asked)}) WITH ORDINALITY "
                f"AS asked ({', '.join(columns.values())}, number) "
                f"CROSS JOIN LATERAL (SELECT * FROM ({one}) AS one LIMIT 1) AS found"
            )

        self.sql = whole((f"%({name})s" for name in types), _escaped(one))
        numbers = (f"${number}" for number in range(1, len(types) + 1))
        self.prepared = Prepared(whole(numbers, one), self.names)

    def values(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the driver's values: lists, which are what they are."""
        return parameters


def _escaped(sql: str) -> str:
    """Return a text in which the driver, which is given values with it, finds percent signs."""
    return sql.replace("%", "%%")
