"""Authlib's generic server, adapted to Pyramid: one object a request.

The flows authenticate clients, write and announce; a grant asks this object for the rest.
"""

from collections.abc import Mapping
from typing import Any, NoReturn

from authlib.oauth2.rfc6749 import AuthorizationServer as AuthlibAuthorizationServer

from oidcserver.database.writes import inserting
from oidcserver.interfaces import GrantOffer
from oidcserver.models import Authorization, RefreshToken, RegisteredClient
from oidcserver.models.client import find_client
from oidcserver.models.user import lock_generation
from oidcserver.oauth.client_authentication import client_required
from oidcserver.oauth.errors import Rejection, invalid_grant
from oidcserver.oauth.grant_types import may_refresh
from oidcserver.oauth.issuing import (
    new_authorization,
    prepare_refresh_token,
    token_response,
)
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.scopes import (
    default_scope,
    registered_scopes,
    scope_for,
    scope_words,
)
from oidcserver.types import Request


class AuthorizationServer(AuthlibAuthorizationServer):
    """The authorization server of one request; ``request.oidc.server``."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self.request = request
        self.provider = request.oidc.provider
        #: The request that a grant answers; Authlib does not hand it to every method.
        self.oauth_request: OAuthRequest

    def make_grant(self, offer: GrantOffer, oauth_request: OAuthRequest) -> Any:
        """Return the grant that answers a request, with the extensions of its offer."""
        self.oauth_request = oauth_request
        grant = offer.factory(oauth_request, self)
        for extension in offer.extensions:
            extension(grant)
        return grant

    def query_client(self, client_id: str, *, renew: bool = True) -> RegisteredClient | None:
        """Return the client with an identifier, which may be any text. It must not be changed.

        :param renew: whether the metadata that a client publishes are fetched again if they are too
            old. Signing out, for one, does not wait for another host.
        :raises Rejection: ``temporarily_unavailable`` if they cannot be had now.
        """
        if not (client_id.isascii() and client_id.isprintable()):
            return None  # no identifier (RFC 6749 appendix A.1); drivers raise on NUL and the like
        client = find_client(self.request.oidc.database, client_id)
        if client is None or not (renew and client.publishes_itself):
            return client
        renewed: RegisteredClient | None = self.request.oidc.renew_client(client)
        return renewed

    def authenticate_client(
        self, request: OAuthRequest, methods: Any = None, endpoint: str = "token"
    ) -> RegisteredClient:
        """Return the client that the flow authenticated; ``methods`` is ignored.

        :raises Rejection: ``invalid_client`` if the request has no credentials.
        """
        if request.client is None:
            raise client_required(request)
        client: RegisteredClient = request.client
        return client

    def validate_requested_scope(self, scope: str | None) -> None:
        """Reject a scope that does not exist or that the client did not register.

        A grant that names its client itself sets ``request.client`` before.
        """
        asked = scope_words(scope)
        if not asked:
            return
        client = self.oauth_request.client
        if client is None:
            raise client_required(self.oauth_request)
        registered = registered_scopes(self.provider, client)
        unknown = set(asked).difference(registered)
        if unknown:
            raise Rejection(
                "invalid_scope",
                "A scope is not one that the client registered.",
                rule="RFC 6749 section 3.3",
                received={"scope": sorted(unknown)},
            )

    def generate_token(
        self,
        grant_type: str,
        client: RegisteredClient,
        user: Any = None,
        scope: str | None = None,
        expires_in: int | None = None,
        include_refresh_token: bool = True,
    ) -> dict[str, Any]:
        """Return the members of a token response; a user's tokens get a new authorization.

        The commit of the flow writes the authorization and the refresh token.

        :param scope: None for a request without a scope, which gets the default scope.
        """
        request, oauth_request = self.request, self.oauth_request
        if scope is None or scope.isspace():
            scope = default_scope(self.provider, client)
            scope = scope_for(self.provider, oauth_request.audience, scope)
        else:
            scope = " ".join(scope_words(scope))
        if user is None:
            return token_response(oauth_request, scope)
        oauth_request.user = user
        oauth_request.outcome.first(_require_generation, request, user)
        resources = list(oauth_request.audience) or None
        row = new_authorization(request, client, user, scope=scope, resources=resources)
        values, following = row.values, [inserting(Authorization)]
        oauth_request.authorization = row.record()
        token = token_response(oauth_request, scope)
        if include_refresh_token and may_refresh(self.provider, client):
            token["refresh_token"], prepared = prepare_refresh_token(oauth_request, scope)
            # The authorization is new: it lives long enough at once, and need not be extended.
            values["authorization_expires_at"] = prepared["extended_until"]
            values |= {name: prepared[name] for name in prepared if "extended" not in name}
            following.append(inserting(RefreshToken))
        oauth_request.outcome.also(*following, **values)
        return token

    def save_token(self, token: Mapping[str, Any], request: OAuthRequest) -> None:
        """Do nothing: tokens are sealed or signed, not stored, and the flow announces them."""

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the flows announce events of their own, after the commit."""

    def create_oauth2_request(self, request: OAuthRequest) -> OAuthRequest:
        """Return the request, which the flow made."""
        return request

    def create_token_response(self, request: Any = None) -> NoReturn:
        """Raise: tokens are issued by the steps of the flow ``token`` alone."""
        raise NotImplementedError("The flow `token` answers token requests.")

    def create_authorization_response(
        self, request: Any = None, grant_user: Any = None, grant: Any = None
    ) -> NoReturn:
        """Raise: authorization requests are answered by the steps of their flow alone."""
        raise NotImplementedError("The flow `authorization` answers authorization requests.")


def _require_generation(request: Request, user: Any) -> None:
    """Require that the sessions and tokens of the user have not been ended meanwhile."""
    if not lock_generation(request.oidc.dbsession, user):
        raise invalid_grant("The account of the End-User was changed or disabled.")
