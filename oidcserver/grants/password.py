"""The resource owner password credentials grant (RFC 6749 section 4.3).

RFC 9700 section 2.4 forbids it. It exists for the walk-through and for migrations, and is not
selected by default.
"""

from typing import Any

from oidcserver.grants.base import TokenGrant
from oidcserver.http.throttling import waiting_time
from oidcserver.oauth.errors import invalid_grant
from oidcserver.texts import SOURCE
from oidcserver.types import Configurator


class PasswordGrant(TokenGrant):
    """The client sends the user's name and password."""

    GRANT_TYPE = "password"

    def validate_token_request(self) -> None:
        """Authenticate the client, then the user; all failures of the user get the same answer."""
        self.authenticate_token_endpoint_client()
        token_request = self.token_request
        username = token_request.parameter("username")
        password = token_request.parameter("password")
        self.validate_requested_scope()
        user = token_request.request.oidc.authenticate_user(username, password)
        if user is None:
            wait = waiting_time(token_request.provider.settings["oidc.login_window"])
            raise invalid_grant(
                "The user name and the password do not match, or were tried too often; "
                f"in that case wait {SOURCE.translate(wait)}."
            )
        with token_request.request.oidc.database.transaction():
            due = token_request.request.oidc.second_factor_is_due(user)
        if due:
            raise invalid_grant(
                "The account needs a second factor, which this grant cannot ask for."
            )
        token_request.user = user

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Prepare tokens with a new authorization."""
        token_request = self.token_request
        token = self.generate_token(user=token_request.user, scope=token_request.payload.scope)
        return 200, token, []


def includeme(config: Configurator) -> None:
    """Offer the grant."""
    config.add_oauth_grant("password", PasswordGrant)
