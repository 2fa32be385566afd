"""Rules for passwords that users choose (NIST SP 800-63B-4 section 3.1.1.2).

A password has a least length, and must not be one that is guessed early. There are no rules about
kinds of characters.
"""

from collections.abc import Collection
from math import prod

from zxcvbn import zxcvbn
from zxcvbn.matching import L33T_TABLE

from oidcserver.settings import integer
from oidcserver.texts import _
from oidcserver.types import Configurator, Provider

MIN_LENGTH = "oidc.password_min_length"
#: Characters that are compared, and readings of signs as letters, such as ``1`` as i or l: the time
#: grows with both. The rest makes a password stronger only.
COMPARED, READINGS = 64, 16
#: Fewer guesses than 10 to this power are within reach of an attack on the login page over years.
LEAST_GUESSES = 8


def password_problem(provider: Provider, password: str, context: Collection[str]) -> str | None:
    """Return why a user cannot choose a password, as a sentence, or None.

    :param context: texts that others know and try first: the user name, the name of the service.
    """
    least = provider.settings[MIN_LENGTH]
    if len(password) < least:
        return _("Choose a password of at least ${count} characters.", {"count": least})
    words = [word for text in context for word in (text, text.partition("@")[0]) if word]
    if zxcvbn(compared_part(password), user_inputs=words)["guesses_log10"] < LEAST_GUESSES:
        return _(
            "This password is easy to guess. Choose several words that have nothing in common."
        )
    return None


def compared_part(password: str) -> str:
    """Return the beginning of a password that zxcvbn compares in a tenth of a second at most."""
    part = password[:COMPARED]
    while _readings(part) > READINGS:
        part = part[:-1]
    return part


def _readings(text: str) -> int:
    """Return in how many ways zxcvbn replaces the signs of a text by letters."""
    return prod(max(1, len(set(text).intersection(signs))) for signs in L33T_TABLE.values())


def includeme(config: Configurator) -> None:
    """Add the setting."""
    config.add_oauth_setting(
        MIN_LENGTH,
        integer,
        15,
        "The least length of a password that a user chooses. NIST SP 800-63B-4 requires 15 where "
        "the password is the only factor, and 8 besides a second one.",
    )
