"""What those who run the server see: rejections, audit events, health, the state of the schema."""

from typing import Any

from oidcserver.operations.rejections import RowBudget
from oidcserver.settings import integer


def includeme(config: Any) -> None:
    """Declare the settings and keep what is counted."""
    config.add_oauth_setting(
        "oidcserver.rejection_rows_per_minute",
        integer,
        120,
        "How many rejections a process keeps for explain-error in a minute; all are logged.",
    )
    config.registry.rejection_budget = RowBudget()
