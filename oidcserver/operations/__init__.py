"""What those who run the server see: rejections, audit events, health, the state of the schema."""

from oidcserver.oauth.rejections import Budget
from oidcserver.settings import integer, seconds
from oidcserver.types import Configurator


def includeme(config: Configurator) -> None:
    """Include the parts; declare what rejections and pruning keep."""
    for name in ("audit", "health", "schema"):
        config.include(f"oidcserver.operations.{name}")
    setting = config.add_oauth_setting
    setting(
        "oidcserver.rejection_rows_per_minute",
        integer,
        120,
        "How many rejections a process keeps for explain-error in a minute; all are logged.",
    )
    setting(
        "oidcserver.rejection_retention",
        seconds,
        30 * 86400,
        "How long rejections are kept for explain-error.",
    )
    setting("oidc.interaction_retention", seconds, 86400,
            "How long a stale request is kept for a login page that was left open.")  # fmt: skip
    config.registry.oidc.rejection_budget = Budget()
    config.registry.oidc.outage_budget = Budget()
