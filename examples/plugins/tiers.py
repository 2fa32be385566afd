"""A member of client metadata: each client may have a tier, which other plugins can read."""

from typing import Any

from oidcserver.types import Configurator, Provider

TIERS = ("gold", "silver")


def tier(value: Any, provider: Provider) -> Any:
    """Return the value to store."""
    if value not in TIERS:
        raise ValueError(f"is no tier: {' or '.join(TIERS)}")
    return value


def includeme(config: Configurator) -> None:
    """Offer the member."""
    config.add_client_metadata_member("example_tier", tier)
    config.add_server_metadata("example_tiers_supported", list(TIERS))
