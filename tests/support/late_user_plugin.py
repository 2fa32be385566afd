"""A grant of another author that names the user only when it makes the tokens."""

from typing import Any

from authlib.oauth2.rfc6749 import BaseGrant, TokenEndpointMixin

from oidcserver.models.user import read_user


class LateUser(BaseGrant, TokenEndpointMixin):
    """Gives every client the tokens of alice."""

    GRANT_TYPE = "urn:example:late-user"

    def validate_token_request(self) -> None:
        """Authenticate the client."""
        self.request.client = self.authenticate_token_endpoint_client()

    def create_token_response(self) -> tuple[int, dict[str, Any], list[Any]]:
        """Name the user, and make the tokens."""
        alice = read_user(self.request.request.oidc.database, "alice")
        return 200, self.generate_token(user=alice), self.TOKEN_RESPONSE_HEADER


def includeme(config: Any) -> None:
    """Offer the grant."""
    config.add_oauth_grant("late_user", LateUser)
