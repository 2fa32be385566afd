"""The Authorization header of the scheme Basic (RFC 7617), as OAuth encodes it."""

from base64 import b64decode
from typing import Any
from urllib.parse import unquote, unquote_plus

from oidcserver.oauth.client_authentication import ClientAuthenticationFailed


def is_basic(request: Any) -> bool:
    """Say whether the Authorization header is of the scheme Basic, in any case of letters."""
    scheme: str = request.authorization_header.partition(" ")[0]
    return scheme.lower() == "basic"


def read_basic(request: Any) -> tuple[str, tuple[str, ...]]:
    """Return the client_id of the header, and the secret as decoded and as sent.

    Each method that a request may present asks, so it is read once.

    RFC 6749 section 2.3.1 requires both to be form-urlencoded. Many clients do not encode them, so
    both forms of the secret are tried. No client_id has a character that encoding changes.
    """
    if request.basic_credentials is None:
        request.basic_credentials = _read(request.authorization_header)
    found: tuple[str, tuple[str, ...]] = request.basic_credentials
    return found


def _read(header: str) -> tuple[str, tuple[str, ...]]:
    encoded = header.partition(" ")[2].strip(" ")
    try:
        # Servers join several Authorization headers by a comma, which is not base64.
        text = b64decode(encoded, validate=True).decode("utf-8")
        client_id, colon, secret = text.partition(":")
        client_id = unquote(client_id, errors="strict")
    except ValueError:
        raise ClientAuthenticationFailed(
            "The Authorization header is not base64 of text in UTF-8.", "RFC 7617 section 2"
        ) from None
    if not colon:
        raise ClientAuthenticationFailed(
            "The Authorization header has no colon.", "RFC 7617 section 2"
        )
    return client_id, tuple(dict.fromkeys((unquote_plus(secret), secret)))
