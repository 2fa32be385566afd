"""OpenID Connect on top of OAuth 2.0: scopes, claims and ID tokens."""

from oidcserver.types import Configurator


def includeme(config: Configurator) -> None:
    """Include the parts."""
    for name in (
        "scopes", "claims", "acr", "id_token", "encryption",
        "requested_subject", "subject_types",
    ):  # fmt: skip
        config.include(f"oidcserver.oidc.{name}")
