"""Login sessions, access tokens, and the end of a session."""

from collections.abc import Mapping
from typing import Any, Protocol

from oidcserver.interfaces import User


class LoginSession(Protocol):
    """A login session; :class:`oidcserver.models.LoginSession` is its table."""

    @property
    def id(self) -> str: ...

    @property
    def user_id(self) -> str: ...

    @property
    def user(self) -> User: ...

    @property
    def auth_time(self) -> int: ...

    #: Whether the user is known to have been authenticated at that time, and not before.
    @property
    def auth_time_known(self) -> bool: ...

    @property
    def acr(self) -> str: ...

    @property
    def amr(self) -> list[str]: ...

    #: The names of the methods in the ini, such as ``password``.
    @property
    def methods(self) -> list[str]: ...

    @property
    def last_seen_at(self) -> int: ...

    @property
    def expires_at(self) -> int: ...


class AccessToken(Protocol):
    """The contents of a live access token; see :class:`oidcserver.oauth.tokens.AccessToken`."""

    @property
    def token_id(self) -> str: ...

    @property
    def client_id(self) -> str: ...

    @property
    def subject(self) -> str: ...

    @property
    def authorization_id(self) -> str | None: ...

    @property
    def scope(self) -> str: ...

    @property
    def scopes(self) -> frozenset[str]: ...

    @property
    def audience(self) -> tuple[str, ...]: ...

    @property
    def issued_at(self) -> int: ...

    @property
    def expires_at(self) -> int: ...

    @property
    def confirmation(self) -> Mapping[str, Any] | None: ...

    @property
    def auth_time(self) -> int | None: ...

    @property
    def acr(self) -> str | None: ...

    @property
    def authorization_details(self) -> list[dict[str, Any]] | None: ...

    @property
    def actor(self) -> Mapping[str, Any] | None: ...

    @property
    def claims(self) -> Mapping[str, Any] | None: ...


class AfterLogout(Protocol):
    """Where the user goes on after signing out; see :mod:`oidcserver.oidc.after_logout`."""

    @property
    def target(self) -> str | None:
        """The URL of an application, or None."""
        ...

    @property
    def query(self) -> Mapping[str, str]:
        """The query of the sign-out page."""
        ...

    @property
    def ignored(self) -> str:
        """A message about ignored parameters."""
        ...

    @property
    def reference(self) -> str:
        """The reference of that message."""
        ...
