"""A plugin that lets clients register a member of its own."""

from typing import Any


def _tier(value: Any, provider: Any) -> Any:
    if value not in ("gold", "silver"):
        raise ValueError("is no tier")
    return value


def includeme(config: Any) -> None:
    """Offer the member."""
    config.add_client_metadata_member("example_tier", _tier)
