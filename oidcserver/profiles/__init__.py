"""Profiles: sets of defaults and rules for ``oauth.profile`` and for single clients."""

from oidcserver.clients.stored import Findings, warn_at_start
from oidcserver.clients.values import client_profiles
from oidcserver.models import Client
from oidcserver.types import Configurator, Provider


def find_clients_without_profile(provider: Provider) -> Findings:
    """Find the stored clients whose profile nobody offers any more."""
    profile = Client.client_metadata["profile"].as_string()
    yield (
        profile.not_in(client_profiles(provider)),
        "Nobody offers the profile of these clients, so that its settings do not hold for them",
    )


def includeme(config: Configurator) -> None:
    """Include every built-in profile."""
    for name in ("oauth21", "fapi2", "mcp"):
        config.include(f"oidcserver.profiles.{name}")
    warn_at_start(config, "clients of profiles", find_clients_without_profile)
