"""Extensions of OAuth; each module has one family of parameters."""

from oidcserver.types import Configurator


def includeme(config: Configurator) -> None:
    """Include every built-in extension."""
    for name in (
        "pkce", "response_mode", "jarm", "issuer", "request_object", "pushed_request", "claims",
        "resource_indicators", "authorization_details", "sender_constraints", "dpop", "mutual_tls",
        "key_confirmation",
    ):  # fmt: skip
        config.include(f"oidcserver.extensions.{name}")
