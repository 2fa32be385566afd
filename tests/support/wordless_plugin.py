"""Offers an object that is no second factor."""

from typing import Any


def includeme(config: Any) -> None:
    """Offer it."""
    config.add_authentication_method("nothing", object())
