"""The hybrid flow (OpenID Connect Core section 3.3): a code and tokens in one response."""

from typing import Any

from oidcserver.grants.authorization_code import prepare_authorization_code
from oidcserver.grants.implicit import ImplicitGrant
from oidcserver.types import Configurator


class HybridGrant(ImplicitGrant):
    """A code in addition to the parameters of the implicit grant."""

    GRANT_TYPE = None
    RESPONSE_TYPES = frozenset({"code token", "code id_token", "code id_token token"})

    def create_authorization_response(
        self, redirect_uri: str, grant_user: Any
    ) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Return the parameters of the response (OpenID Connect Core section 3.3.2.5)."""
        status, parameters, headers = super().create_authorization_response(
            redirect_uri, grant_user
        )
        return status, {"code": prepare_authorization_code(self.request), **parameters}, headers


def includeme(config: Configurator) -> None:
    """Offer the flow."""
    config.add_oauth_grant(
        "hybrid",
        HybridGrant,
        response_types=["code id_token", "code token", "code id_token token"],
    )
