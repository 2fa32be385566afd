"""A third party's package that is refused: it claims what tokens say themselves."""

from typing import Any


def includeme(config: Any) -> None:
    config.add_scope("identity", "Be somebody else", ("sub", "sid"))
