"""Families of parameters, one a file."""

from typing import Any


def includeme(config: Any) -> None:
    """Include every built-in extension."""
    for name in ("pkce", "response_mode", "issuer", "request_object", "claims"):
        config.include(f"oidcserver.extensions.{name}")
