"""Access tokens as another provider describes them (RFC 7662 section 2.2, RFC 9068 section 2.2)."""

import math
from collections.abc import Mapping
from typing import Any

from oidcserver.oauth.tokens import AccessToken

#: When a token expires that has no expiry: the last second of the year 9999.
NEVER = 253402300799


def read_access_token(said: Mapping[str, Any]) -> AccessToken:
    """Return the token. A member may be missing or null.

    :raises ValueError: for a member of another type than its standard has. The text names it.
    """
    expires_at = _time(said, "exp")
    return AccessToken(
        token_id=_text(said, "jti") or "",
        client_id=_text(said, "client_id") or "",
        subject=_text(said, "sub") or "",
        authorization_id=None,
        scope=_text(said, "scope") or "",
        audience=_audience(said),
        issued_at=_time(said, "iat") or 0,
        expires_at=NEVER if expires_at is None else expires_at,
        confirmation=_confirmation(said),
        auth_time=_time(said, "auth_time"),
        acr=_text(said, "acr"),
    )


def _time(said: Mapping[str, Any], name: str) -> int | None:
    """Return a NumericDate (RFC 7519 section 2), which may have a fraction."""
    value = said.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is not a number of seconds")
    return int(value)


def _text(said: Mapping[str, Any], name: str) -> str | None:
    value = said.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is not a string")
    return value


def _audience(said: Mapping[str, Any]) -> tuple[str, ...]:
    value = said.get("aud") or ()
    audience = (value,) if isinstance(value, str) else value
    if not isinstance(audience, list | tuple) or not all(isinstance(it, str) for it in audience):
        raise ValueError("aud is neither a string nor a list of strings")
    return tuple(audience)


def _confirmation(said: Mapping[str, Any]) -> Mapping[str, Any] | None:
    value = said.get("cnf")
    if value is not None and not isinstance(value, dict):
        raise ValueError("cnf is not an object")
    return value
