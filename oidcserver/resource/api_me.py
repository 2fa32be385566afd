"""``/api/me``: the protected resource of the walk-through."""

from typing import Any

from oidcserver.models import Authorization, User
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.responses import error_response, json_response
from oidcserver.oidc.claims import scope_claims
from oidcserver.types import Configurator, Request


def api_me(request: Request) -> Any:
    """Return who the token is about, as far as its scopes tell."""
    token = request.oidc.access_token
    if token.authorization_id is None:
        problem = Rejection(
            "access_denied", "The token is an application's own, about nobody.", status_code=403
        )
        return error_response(problem)
    authorization = request.oidc.dbsession.get_one(Authorization, token.authorization_id)
    user = request.oidc.dbsession.get_one(User, authorization.user_id)
    claims = scope_claims(request, user, token.scopes)
    return json_response(200, {**claims, "sub": token.subject, "username": user.username})


def includeme(config: Configurator) -> None:
    """Offer the page."""

    def register(config: Configurator) -> None:
        config.add_oidc_route("oidc.api_me", "/api/me")
        config.add_oidc_view(
            api_me, route_name="oidc.api_me", oauth_scope="profile", request_method="GET"
        )

    config.add_oauth_page("api_me", register)
