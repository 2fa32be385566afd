"""Extensions of OAuth; each module has one family of parameters."""

from oidcserver.types import Configurator


def includeme(config: Configurator) -> None:
    """Include every built-in extension."""
    for name in ("pkce", "response_mode", "issuer", "request_object", "claims"):
        config.include(f"oidcserver.extensions.{name}")
