"""Types of what the provider puts on Pyramid's objects: the one page to look a name up.

Pyramid has no type hints, so :class:`Request`, :class:`Registry` and :class:`Configurator` describe
the parts of its objects that this package uses. Names of ours are below ``request.oidc`` and
``registry.oidc`` alone, so that they cannot collide with those of an embedding application.
"""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from typing import IO, Any, Protocol, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from oidcserver.interfaces import User
from oidcserver.provider import Provider

__all__ = [
    "Configurator",
    "LoginSession",
    "Provider",
    "Registry",
    "RegistryOidc",
    "Request",
    "RequestOidc",
]


class LoginSession(Protocol):
    """A login session as every room may see it; :class:`oidcserver.models.LoginSession`."""

    id: str
    user_id: str
    auth_time: int
    acr: str
    amr: list[str]
    last_seen_at: int
    expires_at: int

    @property
    def user(self) -> User: ...


Outcome = TypeVar("Outcome")


class Statements(Protocol):
    """Runs reads and atomic writes; see :mod:`oidcserver.database`."""

    def read(self, read: Any, /, **values: Any) -> Any:
        """Return the first row of a ``Read`` as a tuple, or None.

        :raises sqlalchemy.exc.DBAPIError: if the database cannot be asked.
        """
        ...

    def write(self, write: Any, /, **values: Any) -> bool:
        """Run an ``AtomicWrite``; return how it was decided. Of several at once, one gets True.

        :raises sqlalchemy.exc.DBAPIError: also where the connection was lost and it is not known
            how it was decided.
        """
        ...


class Database(Statements, Protocol):
    """The database of a process: each statement runs alone, in autocommit."""

    engine: Engine
    #: Makes the sessions of commands and of threads of our own.
    session: sessionmaker[Session]

    def run(self, function: Callable[[Session], Outcome]) -> Outcome:
        """Call a function within a transaction, and again after a conflict."""
        ...

    def within(self, session: Session) -> Statements:
        """Return what runs statements in the transaction of a session."""
        ...


class RequestDatabase(Statements, Protocol):
    """The database of a request: each statement runs alone until a transaction has begun."""

    @property
    def session(self) -> Session: ...

    @property
    def alone(self) -> Database:
        """The database without any transaction.

        :raises RuntimeError: in a transaction.
        """
        ...

    def transaction(self) -> AbstractContextManager[Session]:
        """Let all that is read and written within be one transaction."""
        ...

    def run(self, function: Callable[[Session], Outcome]) -> Outcome:
        """Call a function within a transaction, and again after a conflict."""
        ...

    def commit(self) -> None:
        """End the transaction of the request, before it waits."""
        ...

    def keeping_rows(self) -> AbstractContextManager[None]:
        """Let the rows of the session go on being its own if what is within commits."""
        ...

    def after_commit(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call a function when the transaction has been committed; at once if there is none."""
        ...


class ContentSecurityPolicy(Protocol):
    """The Content-Security-Policy of the response that will be sent."""

    def allow(self, directive: str, source: str) -> None: ...

    def let_forms_leave(self) -> None: ...


class RegistryOidc:
    """``registry.oidc``: what all requests share."""

    def __init__(self, request_class: type) -> None:
        #: The class of ``request.oidc``.
        self.request_class = request_class

    #: What the ini selected of all that is on offer.
    provider: Provider
    #: Runs reads and atomic writes alone, and makes sessions for commands.
    database: Database
    #: The fetches of clients' documents and keys.
    outbound_fetcher: Any
    waiting_places: Any
    remote_documents: Any
    remote_jwks: Any
    #: Limits of what a process logs.
    ignored_scopes: Any
    foreign_origins: Any
    rejection_budget: Any
    outage_budget: Any
    #: The selected logout channels by name, and the threads that send logout tokens.
    logout_channels: Mapping[str, Any]
    logout_deliverer: Any
    #: Validates access tokens for views with ``oauth_scope``.
    token_validator: Any
    #: Both discovery documents, as JSON.
    discovery_document: bytes


class RequestOidc(Protocol):
    """``request.oidc``: each attribute but ``dbsession`` is computed once a request."""

    #: What the ini selected.
    provider: Provider
    #: Seconds since the epoch, the same throughout the request.
    now: int
    #: Authlib's authorization server, adapted.
    server: Any
    #: Runs reads and atomic writes, alone or in the transaction of the request.
    database: RequestDatabase
    #: The ORM session of the transaction that the code is in.
    dbsession: Session
    #: The live login session of the browser, or None.
    login_session: Any
    #: What the request's access token says, on a view with ``oauth_scope``; else None.
    access_token: Any
    #: The digest of the browser's own cookie; a browser without one gets it.
    browser_digest: str
    #: Whether the request has a cookie of ours.
    browser_is_known: bool
    browser_state: Any
    #: The value of the form field ``csrf_token``.
    csrf_token: str
    content_security_policy: Any
    #: The fetched keys of clients, by client_id.
    client_key_sets: dict[str, Any]
    #: The name of the provider on its pages.
    service_name: str
    #: Whether the user may open the pages of clients.
    may_manage_clients: bool
    after_logout: Any

    def url(self, route_name: str, **elements: Any) -> str:
        """Return the public URL of a route, made of the configured issuer, never of Host."""
        ...

    def asset_path(self, path: str) -> str:
        """Return the path of a static file."""
        ...

    def authenticate_user(self, username: str, password: str) -> Any:
        """Return the user with that name and password, or None."""
        ...

    def sign_in(self, user: Any, *, amr: tuple[str, ...] = ..., acr: str | None = None) -> Any:
        """Sign a user in; return the login session, or None if the user was disabled."""
        ...

    def sign_out(self) -> Any:
        """End the browser's login session; return it, or None."""
        ...

    def end_login_session(self, session: Any, event_name: str = ...) -> bool:
        """End a login session and what rests on it."""
        ...

    def log_out(self, after: Any) -> Any:
        """Sign out and return the response that leads on."""
        ...

    def ask_to_log_out(self, after: Any) -> Any:
        """Return a redirect to the page that asks whether to sign out."""
        ...


class Registry(Protocol):
    """Pyramid's registry."""

    oidc: RegistryOidc
    settings: MutableMapping[str, Any]

    def notify(self, *events: Any) -> None: ...

    def getUtility(self, interface: Any, name: str = "") -> Any: ...  # noqa: N802

    def queryUtility(self, interface: Any, name: str = "", default: Any = None) -> Any: ...  # noqa: N802

    def registerUtility(self, component: Any, provided: Any, name: str = "") -> None: ...  # noqa: N802


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
    headers: Any
    cookies: Mapping[str, str]
    GET: Any
    POST: Any
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
    response: Any

    def route_url(self, route_name: str, *elements: Any, **options: Any) -> str: ...

    def static_url(self, path: str, **options: Any) -> str: ...

    def add_response_callback(self, callback: Callable[[Any, Any], None]) -> None: ...

    def add_finished_callback(self, callback: Callable[[Any], None]) -> None: ...


class Configurator(Protocol):
    """Pyramid's configurator with the directives of :mod:`oidcserver.plugins.directives`."""

    registry: Registry
    route_prefix: str | None
    action_info: Any
    action_state: Any
    includepath: tuple[Any, ...]

    def include(self, callable: Any, route_prefix: str | None = None) -> None: ...

    def action(
        self,
        discriminator: Any,
        callable: Callable[..., Any] | None = None,
        *,
        order: int = 0,
        introspectables: Sequence[Any] = (),
    ) -> None: ...

    def introspectable(self, category: str, discriminator: Any, title: str, type_: str) -> Any: ...

    def maybe_dotted(self, name: Any) -> Any: ...

    def add_directive(self, name: str, directive: Any, action_wrap: bool = True) -> None: ...

    def add_request_method(
        self, callable: Any = None, name: str | None = None, *, reify: bool = False
    ) -> None: ...

    def add_settings(self, settings: Mapping[str, Any]) -> None: ...

    def add_route(self, name: str, pattern: str, **options: Any) -> None: ...

    def add_view(self, view: Any = None, **options: Any) -> None: ...

    def add_exception_view(self, view: Any = None, **options: Any) -> None: ...

    def add_forbidden_view(self, view: Any = None, **options: Any) -> None: ...

    def add_view_predicate(self, name: str, factory: Any) -> None: ...

    def add_notfound_view(self, view: Any = None, **options: Any) -> None: ...

    def add_static_view(self, name: str, path: str, **options: Any) -> None: ...

    def add_cache_buster(self, path: str, cachebust: Any) -> None: ...

    def add_tween(self, name: str, under: Any = None, over: Any = None) -> None: ...

    def add_subscriber(self, subscriber: Any, iface: Any = None) -> None: ...

    def add_view_deriver(
        self, deriver: Any, name: str | None = None, under: Any = None, over: Any = None
    ) -> None: ...

    def set_security_policy(self, policy: Any) -> None: ...

    def make_wsgi_app(self) -> Any: ...

    def add_oidc_attribute(self, name: str, function: Callable[..., Any]) -> None: ...

    def add_oidc_method(self, function: Callable[..., Any], name: str | None = None) -> None: ...

    # See oidcserver.plugins.directives for each of these.
    add_oauth_offer: Callable[..., None]
    add_oauth_setting: Callable[..., None]
    add_oauth_profile: Callable[..., None]
    add_oauth_grant: Callable[..., None]
    add_client_authentication_method: Callable[..., None]
    add_oauth_endpoint: Callable[..., None]
    add_oauth_page: Callable[..., None]
    add_oidc_route: Callable[..., None]
    add_oidc_view: Callable[..., None]
    add_server_metadata: Callable[..., None]
    add_oauth_flow: Callable[..., None]
    add_oauth_step: Callable[..., None]
    add_response_mode: Callable[..., None]
    add_access_token_format: Callable[..., None]
    add_interaction: Callable[..., None]
    add_scope: Callable[..., None]
    add_user_directory: Callable[..., None]
    add_claims_source: Callable[..., None]
    add_acr_value: Callable[..., None]
    add_client_metadata_member: Callable[..., None]
    add_subject_type: Callable[..., None]
    add_startup_check: Callable[..., None]
