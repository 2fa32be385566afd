"""The client credentials grant (RFC 6749 section 4.4)."""

from typing import Any

from oidcserver.grants.base import TokenGrant
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.scopes import PERSONAL
from oidcserver.types import Configurator


class ClientCredentialsGrant(TokenGrant):
    """A client acts on its own behalf: there is no user and no refresh token."""

    GRANT_TYPE = "client_credentials"

    def validate_token_request(self) -> None:
        """Require a confidential client (RFC 6749 section 4.4.2)."""
        self.authenticate_token_endpoint_client()
        if self.token_request.auth_method == "none":
            raise Rejection(
                "unauthorized_client",
                "A public client cannot act on its own behalf.",
                rule="RFC 6749 section 4.4",
            )
        self.validate_requested_scope()
        scope = self.token_request.payload.scope
        if scope and not PERSONAL.isdisjoint(scope.split()):
            raise Rejection(
                "invalid_scope",
                "openid and offline_access are about a user, and there is none in this grant.",
                rule="RFC 6749 section 4.4.3",
            )

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Make an access token whose subject is the client."""
        scope = self.token_request.payload.scope
        token = self.generate_token(scope=scope, include_refresh_token=False)
        return 200, token, []


def includeme(config: Configurator) -> None:
    """Offer the grant."""
    config.add_oauth_grant("client_credentials", ClientCredentialsGrant)
