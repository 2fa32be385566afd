"""Authlib's generic server, adapted to Pyramid: one object a request."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer as AuthlibAuthorizationServer
from pyramid.response import Response

from oidcserver.models import Client
from oidcserver.models.client import find_client
from oidcserver.models.refresh_token import store_refresh_token
from oidcserver.oauth.authorization_request import AuthorizationRequest, resume
from oidcserver.oauth.authorization_response import AuthorizationResponder
from oidcserver.oauth.client_authentication import authenticate_client
from oidcserver.oauth.errors import Rejection, as_rejection, invalid_request
from oidcserver.oauth.events import OAuthEvent
from oidcserver.oauth.issuing import (
    create_authorization,
    may_refresh,
    prepare_refresh_token,
    token_response,
)
from oidcserver.oauth.rejections import record_rejection
from oidcserver.oauth.requests import (
    Payload,
    PyramidOAuth2Request,
    read_form,
    read_query,
    refuse_query_credentials,
)
from oidcserver.oauth.responses import error_response, json_response
from oidcserver.oauth.scopes import default_scope, registered_scopes, scope_words

#: Authlib's own signals carry live objects; our events carry facts.
AUTHLIB_SIGNALS = frozenset({"after_authenticate_client", "after_revoke_token"})


class AuthorizationServer(AuthlibAuthorizationServer):
    """The authorization server of one request, over the tables of the provider."""

    def __init__(self, request: Any) -> None:
        super().__init__()
        self.request = request
        self.provider = request.oidc.provider
        self.oauth_request: PyramidOAuth2Request | None = None
        for grant in self.provider.grants.values():
            self.register_grant(grant.factory, grant.extensions)

    # -- what Authlib asks of an integration ------------------------------------------------

    def query_client(self, client_id: str) -> Client | None:
        """Return the client of that identifier, which may be any text; it is to be read only."""
        if not (client_id.isascii() and client_id.isprintable()):
            return None  # no identifier (RFC 6749 appendix A.1); drivers raise on NUL and the like
        return find_client(self.request.oidc.database, client_id)

    def create_oauth2_request(self, request: Any) -> PyramidOAuth2Request:
        """Wrap Pyramid's request; one that is wrapped already goes through."""
        if isinstance(request, PyramidOAuth2Request):
            return request
        pairs = read_query(request) if request.method in {"GET", "HEAD"} else read_form(request)
        wrapped = PyramidOAuth2Request(
            request, self.provider.url(request.environ["PATH_INFO"]), Payload(pairs)
        )
        self.oauth_request = wrapped
        return wrapped

    def authenticate_client(
        self, request: PyramidOAuth2Request, methods: Any = None, endpoint: str = "token"
    ) -> Client:
        """Authenticate by the selected methods; the lists of Authlib's grants do not count.

        At the token endpoint the client also has to have registered the grant type, so that no
        grant of a plugin can forget to ask.
        """
        client = authenticate_client(self, request)
        grant_type = request.payload.grant_type
        if endpoint == "token" and not client.check_grant_type(grant_type):
            raise Rejection(
                "unauthorized_client",
                "The client did not register this grant_type.",
                rule="RFC 6749 section 5.2",
                received={"grant_type": grant_type},
            )
        return client

    def validate_requested_scope(self, scope: str | None) -> None:
        """Refuse a scope that does not exist or that the client did not register."""
        request = self.oauth_request
        assert request is not None
        asked = scope_words(scope)
        if not asked:
            return
        unknown = set(asked).difference(registered_scopes(self.provider, request.client))
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
        client: Client,
        user: Any = None,
        scope: str | None = None,
        expires_in: int | None = None,
        include_refresh_token: bool = True,
    ) -> dict[str, Any]:
        """Return a token response; a user's token rests on an authorization.

        :param scope: None for a request that names no scope: it gets the default scope.
        """
        request = self.request
        oauth_request = self.oauth_request
        assert oauth_request is not None
        if scope is None or scope.isspace():
            scope = default_scope(self.provider, client)
        else:
            scope = " ".join(scope_words(scope))
        if oauth_request.authorization is None and user is not None:
            oauth_request.authorization = create_authorization(request, client, user, scope=scope)
        authorization = oauth_request.authorization
        token = token_response(request, client, authorization, scope)
        if include_refresh_token and authorization is not None and may_refresh(request, client):
            token["refresh_token"], prepared = prepare_refresh_token(request, authorization, scope)
            store_refresh_token(request.oidc.database, prepared)
        return token

    def save_token(self, token: Mapping[str, Any], request: PyramidOAuth2Request) -> None:
        """Announce a token; it is sealed or signed, so there is nothing to save."""
        authorization = request.authorization
        self.send_signal(
            "token_issued",
            client_id=request.client.client_id,
            user_id=authorization.user_id if authorization else None,
            grant_type=request.payload.grant_type,
            scope=token.get("scope"),
        )

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Notify Pyramid's subscribers."""
        if name in AUTHLIB_SIGNALS:
            return
        request = self.request
        request.registry.notify(OAuthEvent(request, name, kwargs))

    def handle_response(
        self, status: int, body: Any, headers: Iterable[tuple[str, str]]
    ) -> Response:
        """Write what an Authlib endpoint or grant returns."""
        if isinstance(body, dict):
            own = {"content-type", "cache-control", "pragma"}
            return json_response(status, body, [h for h in headers if h[0].lower() not in own])
        return Response(body=(body or "").encode(), status=status, headerlist=list(headers))

    def handle_error_response(self, request: Any, error: OAuth2Error) -> Response:
        """Record a rejection and write it as JSON."""
        rejection = as_rejection(error)
        client = request.client if request is not None else None
        record_rejection(self.request, rejection, client.client_id if client else None)
        return error_response(rejection)

    # -- the token endpoint -----------------------------------------------------------------

    def create_token_response(self, request: Any = None) -> Response:
        """Answer a token request (RFC 6749 section 3.2)."""
        request = request or self.request
        oauth_request = None
        try:
            refuse_query_credentials(request)
            oauth_request = self.create_oauth2_request(request)
            oauth_request.payload.refuse_duplicates()
            self.run_stages("token_request", oauth_request)
            grant = self.get_token_grant(oauth_request)
            grant.validate_token_request()
            self.run_stages("token_grant", oauth_request)
            status, body, headers = grant.create_token_response()
            self.run_stages("token_response", oauth_request, body)
            return self.handle_response(status, body, headers)
        except OAuth2Error as error:
            return self.handle_error_response(oauth_request, error)

    def get_token_grant(self, request: PyramidOAuth2Request) -> Any:
        """Find the grant; a missing grant_type is not an unsupported one."""
        grant_type = request.payload.grant_type
        if not grant_type:
            raise invalid_request("The request has no grant_type.", "RFC 6749 section 4")
        if grant_type not in self.provider.grant_types:
            raise Rejection(
                "unsupported_grant_type",
                "This grant_type is not supported.",
                rule="RFC 6749 section 5.2",
                received={"grant_type": grant_type},
            )
        return super().get_token_grant(request)

    # -- other endpoints that clients call --------------------------------------------------

    def create_client_response(
        self, request: Any, answer: Callable[[PyramidOAuth2Request], tuple[int, dict[str, Any]]]
    ) -> Response:
        """Authenticate the client of a form POST and write what ``answer`` returns of it."""
        oauth_request = None
        try:
            refuse_query_credentials(request)
            oauth_request = self.create_oauth2_request(request)
            oauth_request.payload.refuse_duplicates()
            self.authenticate_client(oauth_request, endpoint="other")
            status, body = answer(oauth_request)
            return json_response(status, body)
        except OAuth2Error as error:
            return self.handle_error_response(oauth_request, error)

    # -- the authorization endpoint ---------------------------------------------------------

    def create_authorization_response(self, request: Any = None) -> Response:
        """Answer an authorization request: send the person to a page, or the client an answer."""
        return AuthorizationResponder(self).respond(request or self.request)

    def read_suspended_request(self, request: Any) -> AuthorizationRequest:
        """Return the validated request that a page's ``request_uri`` names.

        :raises Rejection: if it is unknown, another browser's, or not valid any more.
        """
        oauth_request = PyramidOAuth2Request(
            request, self.provider.url(request.environ["PATH_INFO"]), Payload(read_query(request))
        )
        authorization_request = resume(request, oauth_request)
        self.run_stages("authorization", authorization_request)
        return authorization_request

    def run_stages(self, endpoint: str, *arguments: Any) -> None:
        """Run the stages of a pipeline in their order; the first that refuses ends it."""
        for _, stage in self.provider.stages[endpoint]:
            stage(*arguments)
