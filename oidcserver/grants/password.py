"""The resource owner password credentials grant (RFC 6749 section 4.3).

RFC 9700 section 2.4 forbids it; it is here for the walk-through and for migrations, and never
selected by default.
"""

from typing import Any

from oidcserver.grants.base import TokenGrant
from oidcserver.http.throttling import waiting_time
from oidcserver.oauth.errors import invalid_grant
from oidcserver.types import Configurator


class PasswordGrant(TokenGrant):
    """The client hands over the person's name and password."""

    GRANT_TYPE = "password"

    def validate_token_request(self) -> None:
        """Authenticate the client, then the person; every failure of the latter is alike."""
        self.request.client = self.authenticate_token_endpoint_client()
        username, password = self.parameter("username"), self.parameter("password")
        self.server.validate_requested_scope(self.request.payload.scope)
        user = self.http_request.oidc.authenticate_user(username, password)
        if user is None:
            wait = waiting_time(self.http_request.oidc.provider.settings["oidc.login_window"])
            raise invalid_grant(
                "The user name and the password do not match, or were tried too often; "
                f"in that case wait {wait}."
            )
        self.request.user = user

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Issue tokens that rest on a new authorization."""
        token = self.generate_token(user=self.request.user, scope=self.request.payload.scope)
        self.save_token(token)
        return 200, token, []


def includeme(config: Configurator) -> None:
    """Offer the grant."""
    config.add_oauth_grant("password", PasswordGrant)
