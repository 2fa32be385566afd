"""The endpoints, one URL a file, each a doorway."""

from typing import Any


def includeme(config: Any) -> None:
    """Include every built-in endpoint; the ini selects among them."""
    for name in (
        "authorization", "token", "revocation", "introspection", "userinfo", "end_session", "jwks",
        "discovery", "check_session", "registration", "client_configuration",
    ):  # fmt: skip
        config.include(f"oidcserver.endpoints.{name}")
