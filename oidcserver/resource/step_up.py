"""The view options ``oauth_acr`` and ``oauth_max_age``: how the user signed in (RFC 9470)."""

import re
from dataclasses import dataclass

from oidcserver import clock
from oidcserver.oauth.errors import Rejection
from oidcserver.settings import ConfigurationProblem
from oidcserver.types import AccessToken

_VALUES = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")


@dataclass(frozen=True, slots=True)
class StepUp:
    """The requirements of a view on the sign-in of the user.

    :param acr_values: the authentication context classes that suffice; empty: any.
    :param max_age: the seconds since the sign-in, at most; None: any number.
    """

    acr_values: tuple[str, ...] = ()
    max_age: int | None = None

    def check(self, token: AccessToken) -> None:
        """Check the token of a request.

        :raises Rejection: ``insufficient_user_authentication`` with all that the view requires
            (section 3), so that one further sign-in suffices.
        """
        if self.acr_values and token.acr not in self.acr_values:
            raise self._insufficient("The user has to sign in by another method.")
        if self.max_age is not None and (
            token.auth_time is None or clock.now() > token.auth_time + self.max_age
        ):
            raise self._insufficient("The user has to sign in again.")

    def _insufficient(self, description: str) -> Rejection:
        error = "insufficient_user_authentication"
        parameters = {"error": error, "error_description": description}
        if self.acr_values:
            parameters["acr_values"] = " ".join(self.acr_values)
        if self.max_age is not None:
            parameters["max_age"] = str(self.max_age)
        challenge = ", ".join(f'{name}="{value}"' for name, value in parameters.items())
        return Rejection(
            error,
            description,
            rule="RFC 9470 section 3",
            status_code=401,
            headers=(("WWW-Authenticate", f"Bearer {challenge}"),),
        )


def step_up(acr: str | list[str] | tuple[str, ...] | None, max_age: int | None) -> StepUp:
    """Return the requirements that the options of a view state.

    :raises ConfigurationProblem: for a value that cannot stand in a challenge.
    """
    text = acr if isinstance(acr, str) else " ".join(acr or ())
    if text and not _VALUES.fullmatch(text):
        raise ConfigurationProblem(f"A view has oauth_acr = {acr!r}, which is no list of classes.")
    if max_age is not None and (not isinstance(max_age, int) or max_age < 0):
        raise ConfigurationProblem(f"A view has oauth_max_age = {max_age!r}: it takes seconds.")
    return StepUp(tuple(text.split()), max_age)
