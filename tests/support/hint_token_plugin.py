"""A plugin whose format of a ``login_hint_token`` is ``name:`` and a user name."""

from typing import Any

from oidcserver.endpoints.backchannel_authentication.request import unknown_user
from oidcserver.models.user import read_user


def read_hint_token(asking: Any) -> None:
    """Set the user of a token of this format."""
    token = asking.payload.data.get("login_hint_token", "")
    if token.startswith("name:"):
        asking.user = read_user(asking.request.oidc.database, token.removeprefix("name:"))
        if asking.user is None:
            raise unknown_user()


def includeme(config: Any) -> None:
    config.add_oauth_step(
        "backchannel_authentication", "read_hint_token", read_hint_token, before="find_user"
    )
