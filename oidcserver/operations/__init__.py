"""Parts for those who run the server: audit events, health, pruning, the schema, serving."""

from oidcserver.oauth.rejections import Budget
from oidcserver.settings import integer, seconds
from oidcserver.types import Configurator


def includeme(config: Configurator) -> None:
    """Include the parts, and add the settings for rejections and pruning."""
    for name in ("audit", "activity", "health", "schema"):
        config.include(f"oidcserver.operations.{name}")
    setting = config.add_oauth_setting
    setting(
        "oidcserver.rejection_rows_per_minute",
        integer,
        120,
        "How many rejections a process stores for explain-error in a minute; all are logged.",
    )
    setting(
        "oidcserver.rejection_retention",
        seconds,
        30 * 86400,
        "How long rejections are stored for explain-error.",
    )
    setting("oidc.interaction_retention", seconds, 86400,
            "How long an expired request is stored for a login page that stays open.")  # fmt: skip
    config.registry.oidc.rejection_budget = Budget()
    config.registry.oidc.outage_budget = Budget()
