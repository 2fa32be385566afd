"""Client metadata: rules, registration, keys and sectors."""

from oidcserver.types import Configurator


def includeme(config: Configurator) -> None:
    """Include the parts."""
    config.include("oidcserver.clients.use")
