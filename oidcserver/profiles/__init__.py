"""Profiles: sets of defaults and rules for ``oauth.profile`` and for single clients."""

from oidcserver.types import Configurator


def includeme(config: Configurator) -> None:
    """Include every built-in profile."""
    for name in ("oauth21", "fapi2", "mcp"):
        config.include(f"oidcserver.profiles.{name}")
