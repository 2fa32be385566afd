"""The endpoints, a module for each URL."""

from oidcserver.types import Configurator


def includeme(config: Configurator) -> None:
    """Include every built-in endpoint; the ini selects among them."""
    for name in (
        "authorization", "pushed_authorization", "token", "revocation", "introspection", "userinfo",
        "end_session", "jwks", "discovery", "check_session", "registration", "client_configuration",
        "device_authorization", "backchannel_authentication", "upstream_logout",
    ):  # fmt: skip
        config.include(f"oidcserver.endpoints.{name}")
