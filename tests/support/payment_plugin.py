"""A plugin that adds a resource and authorization details to each backchannel request."""

from typing import Any

DETAILS = [{"type": "payment_initiation", "amount": {"value": "12.50"}, "note": "<i>"}]


def add_payment(asking: Any) -> None:
    """Add what the client is asking for."""
    asking.audience = ("https://api.example",)
    asking.authorization_details = DETAILS


def includeme(config: Any) -> None:
    config.add_oauth_step(
        "backchannel_authentication", "add_payment", add_payment, before="find_user"
    )
