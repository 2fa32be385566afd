"""Rejections: the error code, a sentence, the violated rule and the received values."""

from collections.abc import Mapping
from typing import Any

from authlib.oauth2 import OAuth2Error
from pyramid.i18n import TranslationString

from oidcserver.texts import SOURCE, english

#: The characters of an error description (RFC 6749 sections 4.1.2.1 and 5.2).
ALLOWED = {chr(code) for code in range(0x20, 0x7F)} - {'"', "\\"}


class Rejection(OAuth2Error):
    """The rejection of a request.

    :param error: the registered error code.
    :param description: a sentence for the developer of the client. It never quotes input. If the
        user reads it too, on a page, it is marked for translation by ``oidcserver.texts._``.
    :param detail: a further sentence for the developer, in English. Users read it on the pages of a
        provider in development.
    :param rule: the section that the request violates, such as ``RFC 9700 section 4.1``.
    :param received: the received values, for the operator; never a credential.
    :param status_code: the status of an answer that is not a redirect.
    :param headers: further headers of such an answer, such as ``WWW-Authenticate``.
    """

    def __init__(
        self,
        error: str,
        description: str,
        *,
        detail: str = "",
        rule: str = "",
        received: Mapping[str, Any] | None = None,
        status_code: int = 400,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        in_english = " ".join(filter(None, (SOURCE.translate(description), detail)))
        if not ALLOWED.issuperset(in_english):
            raise ValueError("a description keeps to the characters of RFC 6749 section 5.2")
        super().__init__(description=in_english, error=error, status_code=status_code)
        self._given = description
        self.detail = detail
        self.rule = rule
        self.received = dict(received or {})
        self.headers = headers

    @property
    def sentence(self) -> str:
        """The description for a page, which translates it, or marks it as English."""
        given = self._given
        return given if isinstance(given, TranslationString) else english(given)


def as_rejection(error: OAuth2Error) -> Rejection:
    """Return an error of Authlib, which the grant of a plugin may raise, as a rejection."""
    if isinstance(error, Rejection):
        return error
    description = "".join(
        character if character in ALLOWED else "?"
        for character in error.get_error_description() or ""
    )
    challenge = tuple(
        (name, value) for name, value in error.get_headers() if name == "WWW-Authenticate"
    )
    return Rejection(
        error.error or "invalid_request",
        description,
        status_code=error.status_code or 400,
        headers=challenge,
    )


def invalid_request(description: str, rule: str = "", **received: Any) -> Rejection:
    """Return the rejection of a malformed request (RFC 6749 section 5.2)."""
    return Rejection("invalid_request", description, rule=rule, received=received)


def invalid_grant(
    description: str, rule: str = "RFC 6749 section 5.2", **received: Any
) -> Rejection:
    """Return the rejection of a code, token or password (RFC 6749 section 5.2)."""
    return Rejection("invalid_grant", description, rule=rule, received=received)


def invalid_client(rule: str = "RFC 6749 section 5.2", **received: Any) -> Rejection:
    """Return the rejection for every failed client authentication (RFC 6749 section 5.2).

    The answers for an unknown client and for a wrong secret are identical, so that nobody can find
    out which clients exist. The operator sees the difference in ``rule`` and ``received``.
    """
    return Rejection(
        "invalid_client",
        "Client authentication failed.",
        rule=rule,
        received=received,
        status_code=401,
        headers=(("WWW-Authenticate", 'Basic realm="oauth", error="invalid_client"'),),
    )


def too_many(description: str, wait: int) -> Rejection:
    """Return the rejection of a request over a limit (RFC 6585 section 4).

    :param wait: seconds after which the client may try again.
    """
    return Rejection(
        "temporarily_unavailable",
        description,
        rule="RFC 6585 section 4",
        status_code=429,
        headers=(("Retry-After", str(wait)),),
    )
