"""A tween: the application names itself in each of its responses."""

from collections.abc import Callable
from typing import Any


def greeting_tween_factory(handler: Callable[[Any], Any], registry: Any) -> Callable[[Any], Any]:
    """Make the tween."""

    def greeting_tween(request: Any) -> Any:
        response = handler(request)
        response.headers["X-Application"] = "intranet"
        return response

    return greeting_tween


def includeme(config: Any) -> None:
    """Add it."""
    config.add_tween("intranet.greeting.greeting_tween_factory")
