"""``/api/me``: the protected resource of the walk-through."""

from typing import Any

from oidcserver.models import Authorization, User
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.responses import error_response, json_response
from oidcserver.oidc.claims import scope_claims


def api_me(request: Any) -> Any:
    """Return who the token is about, as far as its scopes tell."""
    token = request.access_token
    if token.authorization_id is None:
        problem = Rejection(
            "access_denied", "The token is an application's own, about nobody.", status_code=403
        )
        return error_response(problem)
    authorization = request.dbsession.get(Authorization, token.authorization_id)
    user = request.dbsession.get(User, authorization.user_id)
    claims = scope_claims(request, user, token.scopes)
    return json_response(200, {**claims, "sub": token.subject, "username": user.username})


def includeme(config: Any) -> None:
    """Offer the page."""

    def register(config: Any) -> None:
        config.add_route("api_me", "/api/me")
        config.add_view(api_me, route_name="api_me", oauth_scope="profile", request_method="GET")

    config.add_oauth_page("api_me", register)
