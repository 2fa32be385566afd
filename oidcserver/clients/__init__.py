"""Client metadata: rules, registration, keys and sectors."""

from typing import Any


def includeme(config: Any) -> None:
    """Include the parts."""
    config.include("oidcserver.clients.use")
