"""User codes (RFC 8628 section 6.1): short texts that users copy from one device to another."""

import re
import secrets
import unicodedata

from oidcserver.oauth.rejections import ALPHABET
from oidcserver.settings import Settings
from oidcserver.texts import with_ascii_digits

LIFETIME = "oauth.device_code_lifetime"
INTERVAL = "oauth.device_poll_interval"
CHARACTERS = "oauth.device_user_code_alphabet"
LENGTH = "oauth.device_user_code_length"
#: The purpose of the seal and the digest of user codes.
PURPOSE = "user code"
#: Characters that a user may enter, with dashes and spaces.
MAX_ENTERED = 100
#: The fewest possible codes. RFC 8628 section 5.1: guessing has to be hopeless within the limits of
#: attempts.
FEWEST_CODES = 10**8

_ALPHABET = re.compile("[A-Z0-9]{2,36}")


def user_code_alphabet(raw: str) -> str:
    """Return the characters of user codes: capital letters and digits, each once."""
    text = raw.strip()
    if not _ALPHABET.fullmatch(text) or len(set(text)) < len(text):
        raise ValueError(f"capital letters and digits, each once, such as {ALPHABET}")
    return text


def new_user_code(settings: Settings) -> str:
    """Return a random user code, without the dashes with which it is shown."""
    return "".join(secrets.choice(settings[CHARACTERS]) for _ in range(settings[LENGTH]))


def shown_user_code(code: str) -> str:
    """Return a user code in groups of four or three characters: ``WDJB-MJHT``."""
    size = 3 if len(code) % 3 == 0 and len(code) % 4 else 4
    return "-".join(code[at : at + size] for at in range(0, len(code), size))


def normalise_user_code(settings: Settings, entered: str) -> str:
    """Return the entered text without dashes, spaces and all other characters that no code has.

    Upper and lower case, full-width characters, and the digits of other scripts are alike.
    """
    text = with_ascii_digits(unicodedata.normalize("NFKC", entered[:MAX_ENTERED]).upper())
    return "".join(character for character in text if character in settings[CHARACTERS])


def weakness(settings: Settings) -> str | None:
    """Return a sentence if user codes are so short that they can be guessed, or None."""
    if len(settings[CHARACTERS]) ** settings[LENGTH] >= FEWEST_CODES:
        return None
    return (
        f"{LENGTH} = {settings[LENGTH]} with {CHARACTERS} = {settings[CHARACTERS]} gives user "
        "codes that can be guessed: take more characters."
    )
