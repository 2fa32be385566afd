"""Bearer tokens as a resource reads and rejects them (RFC 6750)."""

import re

from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.oauth.requests import FORM, read_form
from oidcserver.types import Request

#: RFC 6750 section 2.1, b64token.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


def read_bearer_token(request: Request) -> str:
    """Return the token of the Authorization header or of a form; never one of the query.

    :raises Rejection: with the challenge of RFC 6750 section 3, a bare one without any token.
    """
    presented: list[str] = []
    header = request.headers.get("Authorization", "")
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() == "bearer":
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
    return presented[0]


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
    return _challenge("invalid_token", description, 401)


def insufficient_scope(scope: str) -> Rejection:
    """Return the rejection of a token without the scope that is needed."""
    return _challenge("insufficient_scope", "The access token lacks a scope.", 403, scope)


def _wrong_way(description: str) -> Rejection:
    problem = invalid_request(description, "RFC 6750 section 2")
    return _challenge(problem.error, problem.description, 400)


def _challenge(error: str, description: str, status_code: int, scope: str = "") -> Rejection:
    parts = [f'error="{error}"', f'error_description="{description}"']
    if scope:
        parts.append(f'scope="{scope}"')
    return Rejection(
        error,
        description,
        rule="RFC 6750 section 3.1",
        status_code=status_code,
        headers=(("WWW-Authenticate", "Bearer " + ", ".join(parts)),),
    )
