"""Authentication methods besides the password, and the classes that they reach.

``config.add_first_factor`` and ``config.add_authentication_method`` offer them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from oidcserver.interfaces import User

if TYPE_CHECKING:  # a request has the provider with the methods
    from oidcserver.types import Configurator, Request


#: The names of the built-in methods that begin a sign-in.
PASSWORD, PASSKEY = "password", "passkey"
#: The beginning of the name of a sign-in at an upstream.
UPSTREAM = "upstream."
#: The class of a sign-in that reaches none (OpenID Connect Core section 2, ``acr``).
NO_CLASS = "0"


class FirstFactor(Protocol):
    """How a user begins to sign in, besides the password: a link on the login page leads to it.

    Its page calls :func:`oidcserver.views.second_factor.after_first_factor`, so a second factor
    is asked for as after a password.
    """

    #: The text of the link on the login page, such as ``Send me a link``.
    @property
    def label(self) -> str: ...

    #: The page that the link leads to. Its query is that of the login page.
    @property
    def route_name(self) -> str: ...

    def register(self, config: "Configurator") -> None:
        """Add routes and views; this is called if the ini selects the method."""
        ...


class AuthenticationMethod(Protocol):
    """A second factor: how a user who has begun to sign in proves who it is once more."""

    #: The name on pages, such as ``Authenticator app``.
    @property
    def label(self) -> str: ...

    #: The authentication methods that a success adds to ``amr`` (RFC 8176), such as ``otp``.
    @property
    def amr(self) -> tuple[str, ...]: ...

    #: Whether a user who has it needs it for each sign-in. A method for emergencies does not count.
    @property
    def counts(self) -> bool: ...

    #: The page that asks for it during a sign-in.
    @property
    def route_name(self) -> str: ...

    #: The page where a user sets it up and removes it.
    @property
    def setup_route_name(self) -> str: ...

    def register(self, config: "Configurator") -> None:
        """Add routes and views; this is called if the ini selects the method."""
        ...

    def enrolled(self, request: "Request", user: User) -> bool:
        """Whether a user has set it up."""
        ...


@dataclass(frozen=True, slots=True)
class AcrPolicy:
    """The offered classes (``acr``), the weakest first, and which methods reach which of them."""

    #: Each class with its combinations of names of methods; of the class of a plugin, which its own
    #: page reaches, there are none.
    classes: tuple[tuple[str, tuple[frozenset[str], ...]], ...]

    def class_of(self, methods: Collection[str]) -> str:
        """Return the strongest class that a sign-in by these methods reaches."""
        used = frozenset(methods)
        for name, combinations in reversed(self.classes):
            if any(combination <= used for combination in combinations):
                return name
        return NO_CLASS

    def reaches(self, reached: str, wanted: str) -> bool:
        """Whether a sign-in of one class satisfies a request for another."""
        order = [name for name, _ in self.classes]
        if reached not in order or wanted not in order:
            return reached == wanted
        return order.index(reached) >= order.index(wanted)

    def strongest(self, names: Collection[str]) -> str | None:
        """Return the strongest of some classes; None if there are none."""
        order = [NO_CLASS, *(name for name, _ in self.classes)]
        return max(names, key=order.index, default=None)
