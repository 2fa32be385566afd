"""A plugin by which every backchannel request requires two factors."""

from typing import Any

from second_factor import ACR


def require_two_factors(asking: Any) -> None:
    """Require the class, whatever the client prefers."""
    asking.claims_request = {"id_token": {"acr": {"essential": True, "values": [ACR]}}}


def includeme(config: Any) -> None:
    config.add_oauth_step(
        "backchannel_authentication",
        "require_two_factors",
        require_two_factors,
        after="read_acr_values",
    )
