"""The pieces that a plugin may offer, as protocols: their shapes, units and errors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pyramid.response import Response

if TYPE_CHECKING:  # a directory takes a request, and a request has the provider with the directory
    from oidcserver.types import Provider, Registry, Request

FlowRequest_contra = TypeVar("FlowRequest_contra", contravariant=True)

#: Characters of the identifier and of the name of a user of a directory.
MAX_DIRECTORY_TEXT = 255


class User(Protocol):
    """The account of a user. It is to be read only: other requests may have the same object."""

    #: The identifier here, which is the public subject (``sub``).
    @property
    def id(self) -> str: ...

    #: The directory that the user belongs to, and the identifier there.
    @property
    def realm(self) -> str: ...

    @property
    def external_id(self) -> str: ...

    @property
    def username(self) -> str: ...

    #: The claims that the directory returned at the last sign-in.
    @property
    def claims(self) -> Mapping[str, Any]: ...

    @property
    def updated_at(self) -> int: ...

    @property
    def disabled_at(self) -> int | None: ...

    #: When the directory was found not to let the user sign in any more.
    @property
    def left_at(self) -> int | None: ...

    #: Whether the account is not disabled, and its directory knows the user.
    @property
    def may_sign_in(self) -> bool: ...

    #: Grows when all sessions and tokens of the user end.
    @property
    def generation(self) -> int: ...


@dataclass(frozen=True, slots=True)
class DirectoryUser:
    """A user as a directory knows one.

    :param id: the identifier in the directory, a text of 1 to 255 characters. It stays the same
        when the user is renamed, and no other user ever gets it. The account here refers to it.
    :param username: the name that the user signs in with, of 1 to 255 characters.
    :param claims: standard claims (OpenID Connect Core section 5.1), as JSON has them. They are
        stored until the next sign-in. A directory that has a method ``claims`` leaves them out.
    :raises TypeError, ValueError: for anything else.
    """

    id: str
    username: str
    claims: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in (("id", self.id), ("username", self.username)):
            if not isinstance(value, str):
                raise TypeError(f"DirectoryUser.{name} is a str, not {type(value).__name__}")
            if not value.strip() or len(value) > MAX_DIRECTORY_TEXT or "\0" in value:
                raise ValueError(
                    f"DirectoryUser.{name} has 1 to {MAX_DIRECTORY_TEXT} characters: {value[:40]!r}"
                )


class DirectoryUnavailable(Exception):
    """A user directory does not answer. The user or client gets 503 and may try again.

    :param reason: for the log.
    :param retry_after: seconds to wait before the next try.
    """

    def __init__(self, reason: str = "", retry_after: int = 5) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class UserDirectory(Protocol):
    """Knows users and their passwords. Selected by ``oidc.user_directory``.

    The provider keeps an account for each user who signed in; consents, sessions and tokens refer
    to it. A user who has another name at the next sign-in keeps the account. A name that an account
    of another directory has cannot sign in; see ``realm``.

    A directory may also have:

    - ``claims(request, user)``, which returns the claims of a :class:`DirectoryUser` at this
      moment. It is called whenever claims are released, and may raise
      :class:`DirectoryUnavailable`. Without it, those of the last sign-in are released.
    - ``find(registry, identifiers)``, which returns those of its users with these identifiers who
      may sign in, as a mapping from identifier to :class:`DirectoryUser`, or raises
      :class:`DirectoryUnavailable`. It is called every ``oidc.directory_sync_interval`` in a thread
      of its own, without a request, for users who are signed in or whose applications have access.
      Names and claims become those that it returns; the sessions and tokens of users whom it does
      not return end. No account is deleted or disabled.
    - ``sign_in_hint``, a sentence on the login page that describes the user name and the password.
    - ``realm``, a text under which its accounts are kept; by default its name in the ini. Two
      directories of one realm have the same users.
    """

    def authenticate(
        self, request: "Request", username: str, password: str
    ) -> DirectoryUser | None:
        """Return the user whose password this is, or None for every other case alike.

        It should take as long for an unknown name as for a wrong password. The request is in no
        transaction.

        :raises DirectoryUnavailable: if it cannot tell at this moment. The attempt does not count.
        """
        ...


@dataclass(frozen=True, slots=True)
class ClaimsSource:
    """Returns claims that the user directory does not have. Selected by ``oidc.claims_sources``.

    ``read(request, user, names)`` returns claims. Only ``names`` are used, each in any number of
    languages (``name``, ``name#de``). It must not change the user, because other requests may share
    the object. ``claims`` are the claims that the source can return, each with a sentence for the
    consent page.
    """

    read: Callable[["Request", Any, frozenset[str]], Mapping[str, Any]]
    claims: Mapping[str, str]


class ClientAuthenticationMethod(Protocol):
    """One token endpoint authentication method (RFC 7591 section 2).

    It may have a method ``absent(oauth_request)`` too. That is called for a request without its
    credentials, and returns a sentence for the operator if the named client needs them, or None.
    """

    def presented(self, oauth_request: Any, /) -> bool:
        """Return whether the request has credentials of this method.

        :param oauth_request: an :class:`oidcserver.oauth.requests.OAuthRequest`.
        """
        ...

    def authenticate(self, oauth_request: Any, server: Any, /) -> Any:
        """Return the client that the credentials prove, or None.

        :param server: the :class:`oidcserver.oauth.server.AuthorizationServer` of the request.
        :raises oidcserver.oauth.client_authentication.ClientAuthenticationFailed: instead of
            None, with the reason for the operator. Nothing else is raised on bad input.
        """
        ...


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope: its name, a sentence for the consent page, and the claims that it returns."""

    name: str
    description: str
    claims: Sequence[str] = ()


class Step(Generic[FlowRequest_contra]):
    """One step of a flow, typed by the object that the flow passes from step to step.

    :param run: takes that object. It returns None to go on, or a response
        that ends the flow; it raises :class:`oidcserver.oauth.errors.Rejection` to reject.
    :param name: the name by which plugins refer to the step; by default that of the function.
    :param when: takes the provider; the step is left out of the flow where it returns false.
    """

    __slots__ = ("name", "run", "when")

    def __init__(
        self,
        run: Callable[[FlowRequest_contra], Response | None],
        *,
        name: str | None = None,
        when: Callable[["Provider"], bool] | None = None,
    ) -> None:
        self.run = run
        self.name = name or run.__name__
        self.when = when

    @property
    def where(self) -> str:
        """The dotted name of the function, or of the class of another callable."""
        function: Any = self.run if hasattr(self.run, "__qualname__") else type(self.run)
        return f"{function.__module__}.{function.__qualname__}"


@dataclass(frozen=True, slots=True)
class InsertedStep:
    """A step that a plugin inserts after or before another of a flow."""

    flow: str
    step: Step[Any]
    after: str | None
    before: str | None


@dataclass(frozen=True, slots=True)
class GrantOffer:
    """A grant class, and the grant type and response types that it answers."""

    #: An Authlib grant class, called with an OAuthRequest and the authorization server.
    factory: Callable[..., Any]
    grant_type: str | None
    response_types: tuple[str, ...] = ()
    extensions: tuple[Callable[[Any], None], ...] = ()


@dataclass(frozen=True, slots=True)
class ResponseMode:
    """How the parameters of an authorization response travel, as ``add_response_mode`` takes it.

    The functions take an :class:`oidcserver.oauth.authorization_request.AuthorizationRequest`.
    """

    #: Takes the redirect URI and the parameters too; returns the response that sends them there.
    encode: Callable[[Any, str, dict[str, str]], Response]
    #: Returns the reason why the mode cannot carry the response, as a sentence, or None.
    problem: Callable[[Any], str | None] | None = None
    #: Returns what is sent instead of the parameters, such as a signed ``response``.
    protect: Callable[[Any], dict[str, str]] | None = None
    #: Whether the response is a page that posts the parameters.
    posts: bool = False


@dataclass(frozen=True, slots=True)
class ExchangePermission:
    """The rights of a client in token exchange (RFC 8693), for one audience."""

    #: Whether the token does not name the client as the actor (RFC 8693 section 1.1).
    impersonation: bool = False
    #: Audiences besides the client's identifier: a token for one of them is meant for the client.
    #: It may be exchanged for the audience although it is not for that.
    own_audiences: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AssertionPermission:
    """The right of a client to ID-JAGs for one other authorization server.

    draft-ietf-oauth-identity-assertion-authz-grant section 4.3
    """

    #: The identifier of the client at that server.
    client_id: str
    #: The scopes and the resources that an ID-JAG may name. None: whatever the client asks for.
    scopes: Sequence[str] | None = None
    resources: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Interaction:
    """A reason to ask the user something before an authorization request is answered.

    ``needed`` takes an :class:`oidcserver.oauth.authorization_request.AuthorizationRequest`. It
    returns None, or the error that ``prompt=none`` gets (OpenID Connect Core section 3.1.2.6).
    ``route_name`` is the page that asks.
    """

    name: str
    needed: Callable[[Any], str | None]
    route_name: str


@dataclass(frozen=True, slots=True)
class Profile:
    """Defaults and rules for ``oauth.profile``. A rule returns a sentence, or None.

    ``client`` completes and checks the metadata of a client that has the profile for itself, and
    ``client_settings`` takes the settings and returns those that such a client has other values of.
    """

    defaults: Mapping[str, Any] = field(default_factory=dict)
    rules: Sequence[Callable[["Registry"], str | None]] = ()
    client: Callable[["Provider", dict[str, Any]], None] | None = None
    client_settings: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
