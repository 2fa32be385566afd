"""The client credentials grant (RFC 6749 section 4.4)."""

from typing import Any

from oidcserver.grants.base import TokenGrant
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.scopes import PERSONAL
from oidcserver.types import Configurator


class ClientCredentialsGrant(TokenGrant):
    """A client acts for itself: no person, no refresh token, nothing is written."""

    GRANT_TYPE = "client_credentials"

    def validate_token_request(self) -> None:
        """Authenticate the client, which cannot be a public one (RFC 6749 section 4.4.2)."""
        self.authenticate_token_endpoint_client()
        if self.request.auth_method == "none":
            raise Rejection(
                "unauthorized_client",
                "A public client cannot act for itself.",
                rule="RFC 6749 section 4.4",
            )
        scope = self.request.payload.scope
        self.server.validate_requested_scope(scope)
        if scope and not PERSONAL.isdisjoint(scope.split()):
            raise Rejection(
                "invalid_scope",
                "openid and offline_access are about a user, and there is none in this grant.",
                rule="RFC 6749 section 4.4.3",
            )

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Issue an access token whose subject is the client."""
        token = self.generate_token(scope=self.request.payload.scope, include_refresh_token=False)
        self.save_token(token)
        return 200, token, []


def includeme(config: Configurator) -> None:
    """Offer the grant."""
    config.add_oauth_grant("client_credentials", ClientCredentialsGrant)
