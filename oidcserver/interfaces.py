"""What a plugin may replace, as protocols: shapes, units and errors of each piece."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class User(Protocol):
    """A person, as grants and pages see one."""

    id: str
    username: str
    disabled_at: int | None


class UserDirectory(Protocol):
    """Knows the people. Selected by ``oidc.user_directory``.

    It may have a ``sign_in_hint``, a sentence on the login page that describes the user name and
    the password.
    """

    def authenticate(self, request: Any, username: str, password: str) -> User | None:
        """Return the person whose password this is, or None for every other case alike."""
        ...

    def claims(self, request: Any, user: User) -> Mapping[str, Any]:
        """Return the standard claims that are known (OpenID Connect Core section 5.1).

        :param user: is to be read only: other requests may have the same object.
        """
        ...


@dataclass(frozen=True, slots=True)
class ClaimsSource:
    """Knows more of people than the user directory does. Selected by ``oidc.claims_sources``.

    ``read(request, user, names)`` returns claims; of what it returns, only ``names`` count, each
    in any number of languages (``name``, ``name#de``). It only reads the user, which other requests
    may have too. ``claims`` are those that it can know, each with what it means to give it away, in
    plain words for the consent page.
    """

    read: Callable[[Any, User, frozenset[str]], Mapping[str, Any]]
    claims: Mapping[str, str]


class ClientAuthenticationMethod(Protocol):
    """One token endpoint authentication method (RFC 7591 section 2)."""

    def presented(self, request: Any) -> bool:
        """Say whether this OAuth2Request carries credentials of this method."""
        ...

    def authenticate(self, request: Any, server: Any) -> Any:
        """Return the client that the credentials prove, or None.

        :raises oidcserver.oauth.client_authentication.ClientAuthenticationFailed: instead of
            None, to tell those who run the server why. Nothing else is raised on bad input.
        """
        ...


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope: its name, what it allows in plain words, and the claims it returns."""

    name: str
    description: str
    claims: Sequence[str] = ()


class Step:
    """One step of a flow.

    :param run: takes the object that the flow is about. It returns None to go on, or a response
        that ends the flow; it raises :class:`oidcserver.oauth.errors.Rejection` to reject.
    :param name: by which plugins refer to it; by default that of the function.
    :param when: takes the provider; the step is left out of the flow where it returns false.
    """

    __slots__ = ("name", "run", "when")

    def __init__(
        self,
        run: Callable[[Any], Any],
        *,
        name: str | None = None,
        when: Callable[[Any], bool] | None = None,
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
    step: Step
    after: str | None
    before: str | None


@dataclass(frozen=True, slots=True)
class GrantOffer:
    """A grant class and what selecting it brings."""

    factory: type
    grant_type: str | None
    response_types: tuple[str, ...] = ()
    extensions: tuple[Callable[[Any], None], ...] = ()


@dataclass(frozen=True, slots=True)
class Interaction:
    """A reason to ask the person something before an authorization request is answered.

    ``needed(authorization_request)`` returns None, or the error that ``prompt=none`` gets
    (OpenID Connect Core section 3.1.2.6). ``route_name`` is the page that asks.
    """

    name: str
    needed: Callable[[Any], str | None]
    route_name: str


@dataclass(frozen=True, slots=True)
class Profile:
    """Defaults and rules for ``oauth.profile``. A rule returns a sentence, or None."""

    defaults: Mapping[str, Any] = field(default_factory=dict)
    rules: Sequence[Callable[[Any], str | None]] = ()
