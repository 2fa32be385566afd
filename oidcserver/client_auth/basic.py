"""The Authorization header of the scheme Basic (RFC 7617), as OAuth encodes it."""

from base64 import b64decode
from urllib.parse import unquote, unquote_plus

from oidcserver.oauth.client_authentication import ClientAuthenticationFailed
from oidcserver.oauth.requests import OAuthRequest


def is_basic(oauth_request: OAuthRequest) -> bool:
    """Return whether the scheme of the Authorization header is Basic, in any case of letters."""
    return oauth_request.authorization_header.partition(" ")[0].lower() == "basic"


def read_basic(oauth_request: OAuthRequest) -> tuple[str, tuple[str, ...]]:
    """Return the client_id of the header, and the secret as decoded and as sent.

    Several methods call this, so the result is kept on the request.

    RFC 6749 section 2.3.1 requires both to be form-urlencoded. Many clients do not encode them, so
    both forms of the secret are tried. A client_id with a colon, such as a URL, has to be
    encoded; no other has a character that encoding changes.
    """
    if oauth_request.basic_credentials is None:
        oauth_request.basic_credentials = _read(oauth_request.authorization_header)
    return oauth_request.basic_credentials


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
