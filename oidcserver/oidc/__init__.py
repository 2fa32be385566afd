"""OpenID Connect: scopes, claims, ID tokens and subject types."""

from oidcserver.types import Configurator


def includeme(config: Configurator) -> None:
    """Include the parts."""
    for name in (
        "scopes", "claim_types", "groups", "claims", "interactions", "acr_selection",
        "id_token", "encryption", "requested_subject", "subject_types", "ciba",
    ):  # fmt: skip
        config.include(f"oidcserver.oidc.{name}")
