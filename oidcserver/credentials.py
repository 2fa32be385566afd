"""Credentials that the server makes, and recognises by their digests.

Each holds 256 random bits from the operating system and begins with a short prefix that names its
kind to readers and secret scanners. A database row holds the SHA-256 digest only: the input has
full entropy, so a slow hash would add cost and no safety.
"""

import hashlib
import hmac
import secrets

AUTHORIZATION_CODE = "ac_"
REFRESH_TOKEN = "rt_"
CLIENT_SECRET = "cs_"
LOGIN_SESSION = "ls_"
BROWSER = "br_"
REQUEST_URI = "ru_"
INITIAL_ACCESS_TOKEN = "ia_"
REGISTRATION_TOKEN = "ra_"
DEVICE_CODE = "dc_"
BACKCHANNEL_REQUEST = "bc_"
MAILED_LINK = "ml_"
PENDING_SIGN_IN = "ps_"
UPSTREAM_STATE = "us_"
UPSTREAM_LOGOUT = "ul_"
REMEMBERED_DEVICE = "rd_"


def new_credential(prefix: str, octets: int = 32) -> str:
    """Return ``prefix`` and base64url of random octets: by default 256 bits as 43 characters."""
    return prefix + secrets.token_urlsafe(octets)


def new_identifier() -> str:
    """Return 128 random bits as 22 base64url characters: unique, not secret.

    It never begins with a dash, because a command would read it as an option.
    """
    while (identifier := secrets.token_urlsafe(16)).startswith("-"):
        pass
    return identifier


def digest(credential: str) -> str:
    """Return the SHA-256 of a credential as 64 hexadecimal digits. Any text has a digest."""
    return hashlib.sha256(credential.encode("utf-8", "surrogatepass")).hexdigest()


def matches(credential: str, stored_digest: str) -> bool:
    """Compare a presented credential with a stored digest in constant time."""
    return hmac.compare_digest(digest(credential), stored_digest)
