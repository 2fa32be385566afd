"""Pyramid's request, and ``request.oidc``."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import IO, Any, Protocol

from joserfc.jwk import KeySet
from pyramid.response import Response
from sqlalchemy.orm import Session

from oidcserver.interfaces import DirectoryUser, GrantOffer, User
from oidcserver.interfaces.letter import Letter
from oidcserver.provider import Provider
from oidcserver.texts import Locale
from oidcserver.types.database import RequestDatabase
from oidcserver.types.registry import Registry
from oidcserver.types.sessions import AccessToken, AfterLogout, LoginSession


class AuthorizationServer(Protocol):
    """Authlib's authorization server; :class:`oidcserver.oauth.server.AuthorizationServer`."""

    #: The request that a grant answers, an ``OAuthRequest``.
    oauth_request: Any

    def make_grant(self, offer: GrantOffer, oauth_request: Any) -> Any:
        """Return the grant that answers a request."""
        ...

    def query_client(self, client_id: str, *, renew: bool = True) -> Any:
        """Return the client with that identifier, or None; it must not be changed."""
        ...

    def validate_requested_scope(self, scope: str | None) -> None:
        """Reject a scope that the client of the request did not register."""
        ...


class ContentSecurityPolicy(Protocol):
    """The Content-Security-Policy of the response that will be sent."""

    @property
    def forbids_frames(self) -> bool:
        """Whether no page may show this one in a frame."""
        ...

    def allow(self, directive: str, source: str) -> None:
        """Add a source, such as an origin, to a directive.

        :raises ValueError: for a directive or source that cannot be allowed.
        """
        ...

    def let_forms_leave(self) -> None:
        """Let the forms of the page lead to any origin."""
        ...


class BrowserState(Protocol):
    """The state of a browser (OpenID Connect Session Management 1.0 section 3)."""

    cookie_name: str

    def stands_for(self, *session_ids: str) -> bool: ...

    def of(self, *session_ids: str) -> str: ...


class BrowserAccounts(Protocol):
    """The accounts of a browser; see :mod:`oidcserver.sessions.browser_accounts`."""

    @property
    def present(self) -> LoginSession | None:
        """The login session of the present account, or None."""
        ...

    @property
    def others(self) -> Sequence[LoginSession]:
        """The login sessions of the other accounts, the latest used first."""
        ...

    @property
    def limit(self) -> int:
        """How many accounts a browser may have."""
        ...

    def all(self) -> Sequence[LoginSession]: ...

    def find(self, session_id: str) -> LoginSession | None: ...

    def of_user(self, user_id: str) -> LoginSession | None: ...

    def displaced_by(self, user_id: str) -> Sequence[LoginSession]: ...

    def add(self, token: str, session: LoginSession) -> None: ...

    def use(self, session: LoginSession) -> None: ...

    def switch(self, session: LoginSession) -> None: ...

    def forget(self, session_id: str) -> None: ...

    def send(self) -> None: ...


class ClientCertificate(Protocol):
    """The TLS certificate of a client; see :mod:`oidcserver.http.client_certificate`."""

    @property
    def certificate(self) -> Any:
        """The certificate, of ``cryptography``; None if it cannot be read."""
        ...

    @property
    def verified(self) -> bool: ...

    @property
    def problem(self) -> str: ...

    @property
    def thumbprint(self) -> str | None: ...


class RequestOidc(Protocol):
    """``request.oidc``: each attribute except ``dbsession`` is computed once a request."""

    #: The offers that the ini selected.
    provider: Provider
    #: Seconds since the epoch, the same throughout the request.
    now: int
    #: Authlib's authorization server, adapted.
    server: AuthorizationServer
    #: Runs reads and atomic writes, alone or in the transaction of the request.
    database: RequestDatabase
    #: The ORM session of the transaction that the code is in.
    dbsession: Session
    #: The accounts that are signed in in the browser.
    accounts: BrowserAccounts
    #: The live login session of the present account of the browser, or None.
    login_session: LoginSession | None
    #: The live access token of the request. Only views with ``oauth_scope`` have one; for other
    #: views it is None, and they have no reason to read it.
    access_token: AccessToken
    #: The TLS certificate of the client, if a trusted proxy names one.
    client_certificate: ClientCertificate | None
    #: The digest of the browser's own cookie; a browser without one gets it.
    browser_digest: str
    #: Whether the request has a cookie of ours.
    browser_is_known: bool
    browser_state: BrowserState
    #: The value of the form field ``csrf_token``.
    csrf_token: str
    content_security_policy: ContentSecurityPolicy
    #: The fetched keys of clients, by client_id.
    client_key_sets: dict[str, KeySet]
    #: The language of the page.
    locale: Locale
    #: How the page shows times, a ``LocalTimes`` of ``oidcserver.languages.local_times``.
    local_times: Any
    #: The languages that the user may choose, and the path of the page on which this is done.
    languages: Sequence[Locale]
    own_path: str
    #: The look of the pages, a ``Branding`` of ``oidcserver.views.branding``.
    branding: Any
    #: The name of the provider on its pages.
    service_name: str
    #: Whether the user may open the pages of clients.
    may_manage_clients: bool
    #: Where the user goes on after signing out, on the sign-out page.
    after_logout: AfterLogout

    def url(self, route_name: str, **elements: Any) -> str:
        """Return the public URL of a route, made of the configured issuer, never of Host."""
        ...

    def brand_path(self, file: Any) -> str:
        """Return the path of a file of the operator."""
        ...

    def asset_path(self, path: str) -> str:
        """Return the path of a static file."""
        ...

    def send_mail(self, to: str, letter: Letter, *, lifetime: int, held: bool = False) -> None:
        """Queue a mail, which is sent once the transaction is committed.

        :param lifetime: seconds after which it is not sent any more.
        :param held: whether it is only made, not sent.
        :raises ValueError: if the address cannot receive mail.
        :raises RuntimeError: if ``oidc.mail_url`` is missing, except in development.
        """
        ...

    def renew_client(self, client: Any) -> Any:
        """Return a client that publishes its metadata, by a document that is not too old, or None.

        :raises oidcserver.oauth.errors.Rejection: if the document cannot be had now.
        """
        ...

    def authenticate_user(self, username: str, password: str) -> User | None:
        """Return the user with that name and password, or None."""
        ...

    def access_token_claims(self, user: User, scopes: Iterable[str]) -> dict[str, Any]:
        """Return the claims of the scopes that ``oidc.claims`` declares to be in access tokens."""
        ...

    def second_factor_is_due(self, user: User) -> bool:
        """Whether a sign-in with one factor has to go on with a second factor."""
        ...

    def lacks_second_factor(self, session: LoginSession) -> bool:
        """Whether a user who has second factors proved none of them at the sign-in."""
        ...

    def sign_in(
        self,
        user: User | DirectoryUser,
        *,
        amr: tuple[str, ...] = ...,
        acr: str | None = None,
        methods: tuple[str, ...] = ...,
        auth_time: int | None = None,
        step_up_of: LoginSession | None = None,
    ) -> LoginSession | None:
        """Sign a user in; return the login session, or None if the account is disabled.

        :param auth_time: when the user was authenticated, by default now; 0: not known.
        :param step_up_of: the session that a further factor raises; it keeps its ``auth_time``.
        """
        ...

    def sign_out(self, session: LoginSession | None = ...) -> LoginSession | None:
        """End a login session of the browser, by default that of the present account; return it."""
        ...

    def end_login_session(self, session: LoginSession, event: str = ...) -> bool:
        """End a login session and the tokens that depend on it; return whether it was live."""
        ...

    def log_out(self, after: AfterLogout, sessions: Sequence[LoginSession] = ...) -> Response:
        """Sign the user out; return the response that leads the user on.

        :param sessions: those of this browser that end; by default that of the present account.
        """
        ...

    def ask_to_log_out(self, after: AfterLogout) -> Response:
        """Return a redirect to the page that asks the user whether to sign out."""
        ...


class Fields(Mapping[str, str]):
    """The fields of a query or a form: WebOb's ``MultiDict``."""

    @abstractmethod
    def getall(self, key: str) -> list[str]:
        """Return all values of a field."""


class Request(Protocol):
    """Pyramid's request."""

    oidc: RequestOidc
    registry: Registry
    environ: dict[str, Any]
    method: str
    path: str
    path_qs: str
    script_name: str
    url: str
    headers: MutableMapping[str, str]
    cookies: Mapping[str, str]
    GET: Fields
    POST: Fields
    body: bytes
    body_file_raw: IO[bytes]
    is_body_seekable: bool
    content_type: str
    remote_addr: str | None
    user_agent: str | None
    accept: Any
    matchdict: dict[str, str]
    matched_route: Any
    exception: BaseException | None
    tm: Any
    context: Any
    #: The response of a view that returns values for a renderer.
    response: Response

    def route_path(self, route_name: str, *elements: Any, **options: Any) -> str: ...

    def route_url(self, route_name: str, *elements: Any, **options: Any) -> str: ...

    def static_url(self, path: str, **options: Any) -> str: ...

    def add_response_callback(self, callback: Callable[["Request", Response], None]) -> None: ...
