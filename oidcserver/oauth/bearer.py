"""Access tokens as a resource reads and rejects them (RFC 6750, RFC 9449 section 7)."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.oauth.requests import FORM, read_form
from oidcserver.types import Request

BEARER, DPOP = "Bearer", "DPoP"

#: RFC 6750 section 2.1, b64token.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_RULE = "RFC 6750 section 3.1"


class PresentedToken(NamedTuple):
    """An access token of a request, and the scheme of its header: ``Bearer`` or ``DPoP``."""

    text: str
    scheme: str


def read_bearer_token(request: Request) -> str:
    """Return the token of the scheme Bearer; see :func:`read_presented_token`."""
    return read_presented_token(request, dpop=False).text


def read_presented_token(request: Request, *, dpop: bool) -> PresentedToken:
    """Return the token of the Authorization header or of a form; never one of the query.

    :param dpop: whether the scheme DPoP is accepted, too.
    :raises Rejection: with the challenge of RFC 6750 section 3, a bare one without any token.
    """
    presented: list[str] = []
    header = request.environ.get("HTTP_AUTHORIZATION", "")
    name, _, credentials = header.partition(" ")
    scheme = DPOP if dpop and name.lower() == "dpop" else BEARER
    if scheme is DPOP or name.lower() == "bearer":
        presented.append(credentials.strip(" "))
    elif header:
        raise missing_token()
    if "access_token=" in request.environ.get("QUERY_STRING", ""):
        raise _wrong_way("Access tokens must not be sent in the query string.")
    if request.method == "POST" and request.content_type == FORM:
        presented.extend(value for name, value in read_form(request) if name == "access_token")
    if len(presented) > 1:
        raise _wrong_way("The request presents a token in more than one way.")
    if not presented:
        raise missing_token()
    if not _TOKEN.fullmatch(presented[0]):
        raise invalid_token("The access token is malformed.")
    return PresentedToken(presented[0], scheme)


def missing_token() -> Rejection:
    """Return the bare challenge, which tells nothing but the scheme (RFC 6750 section 3.1)."""
    return Rejection(
        "invalid_token",
        "The request has no access token.",
        rule="RFC 6750 section 3",
        status_code=401,
        headers=(("WWW-Authenticate", "Bearer"),),
    )


def invalid_token(description: str) -> Rejection:
    """Return the rejection of a token that is malformed, expired, revoked or not for this use."""
    return challenge(Rejection("invalid_token", description, rule=_RULE), 401)


def insufficient_scope(scope: str) -> Rejection:
    """Return the rejection of a token without the scope that is needed."""
    rejection = Rejection("insufficient_scope", "The access token lacks a scope.", rule=_RULE)
    return challenge(rejection, 403, scope)


def _wrong_way(description: str) -> Rejection:
    return challenge(invalid_request(description, "RFC 6750 section 2"), 400)


def challenge(rejection: Rejection, status_code: int, scope: str = "") -> Rejection:
    """Add the challenge with the error to a rejection (RFC 6750 section 3); return it."""
    parts = [f'error="{rejection.error}"', f'error_description="{rejection.description}"']
    if scope:
        parts.append(f'scope="{scope}"')
    rejection.status_code = status_code
    rejection.headers = (("WWW-Authenticate", f"{BEARER} {', '.join(parts)}"),)
    return rejection


def name_dpop(
    rejection: Rejection, request: Request, algorithms: Sequence[str], *, alone: bool = False
) -> None:
    """Name the scheme DPoP in the challenge of a rejection (RFC 9449 section 7.1).

    A request that used this scheme gets the error under it.

    :param alone: whether the scheme Bearer is not accepted.
    """
    algs = f'algs="{" ".join(algorithms)}"'
    used = request.environ.get("HTTP_AUTHORIZATION", "").partition(" ")[0].lower() == "dpop"

    def name(value: str) -> str:
        error = value.removeprefix(BEARER).strip()
        if error and (used or alone):
            return f"{DPOP} {error}, {algs}"
        return f"{DPOP} {algs}" if alone else f"{value}, {DPOP} {algs}"

    rejection.headers = tuple(
        (header, name(value) if header == "WWW-Authenticate" else value)
        for header, value in rejection.headers
    )
