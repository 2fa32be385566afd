"""The implicit grant (RFC 6749 section 4.2): tokens straight from the authorization endpoint."""

from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationEndpointMixin, BaseGrant

from oidcserver.oauth.issuing import token_response
from oidcserver.types import Configurator


class ImplicitGrant(AuthorizationEndpointMixin, BaseGrant):
    """An access token in the response. A step of OpenID Connect adds the ID token."""

    GRANT_TYPE: str | None = "implicit"
    RESPONSE_TYPES = frozenset({"token", "id_token", "id_token token"})

    def create_authorization_response(
        self, redirect_uri: str, grant_user: Any
    ) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Return the parameters of the response (RFC 6749 section 4.2.2)."""
        if "token" not in self.request.payload.response_type.split():
            return 200, {}, []
        return 200, token_response(self.request, self.request.authorization.scope), []


def includeme(config: Configurator) -> None:
    """Offer the grant."""
    config.add_oauth_grant(
        "implicit", ImplicitGrant, response_types=["token", "id_token", "id_token token"]
    )
