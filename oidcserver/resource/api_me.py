"""``/api/me``: the protected resource of the walk-through."""

from pyramid.response import Response

from oidcserver.models import Authorization, User
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.responses import error_response, json_response
from oidcserver.oidc.claims import scope_claims
from oidcserver.types import Configurator, Request


def api_me(request: Request) -> Response:
    """Return the claims about the user that the scopes of the token allow."""
    token = request.oidc.access_token
    if token.authorization_id is None:
        problem = Rejection("access_denied", "The token is not about a user.", status_code=403)
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
            api_me,
            route_name="oidc.api_me",
            oauth_scope="profile",
            oauth_resource="",  # the provider itself
            request_method="GET",
        )

    config.add_oauth_page("api_me", register)
