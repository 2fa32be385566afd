"""The sentences by which a profile stops the start."""

from oidcserver.types import Registry


def requires(registry: Registry, what: str) -> str:
    """Say what the profile requires."""
    return f"{_profile(registry)} requires {what}."


def forbids(registry: Registry, what: str) -> str:
    """Say what the profile does not allow."""
    return f"{_profile(registry)} does not allow {what}."


def as_written(value: object) -> str:
    """Return a value as the ini has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _profile(registry: Registry) -> str:
    return f"oauth.profile = {registry.oidc.provider.settings['oauth.profile']}"
