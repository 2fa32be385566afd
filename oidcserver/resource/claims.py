"""Reads access tokens from introspection responses (RFC 7662) and JWTs (RFC 9068)."""

import math
from collections.abc import Mapping
from typing import Any

from oidcserver.oauth.token_claims import claims_about_user
from oidcserver.oauth.tokens import AccessToken

#: The expiry of a token that does not expire: the last second of the year 9999.
NEVER = 253402300799


def read_access_token(claims: Mapping[str, Any]) -> AccessToken:
    """Return the token. A claim may be missing or null.

    :raises ValueError: if a claim has another type than its standard requires; it names the claim.
    """
    expires_at = _time(claims, "exp")
    return AccessToken(
        token_id=_text(claims, "jti") or "",
        client_id=_text(claims, "client_id") or "",
        subject=_text(claims, "sub") or "",
        authorization_id=None,
        scope=_text(claims, "scope") or "",
        audience=_audience(claims),
        issued_at=_time(claims, "iat") or 0,
        expires_at=NEVER if expires_at is None else expires_at,
        confirmation=_object(claims, "cnf"),
        auth_time=_time(claims, "auth_time"),
        acr=_text(claims, "acr"),
        authorization_details=_authorization_details(claims),
        actor=_object(claims, "act"),
        claims=claims_about_user(claims),
    )


def _time(claims: Mapping[str, Any], name: str) -> int | None:
    """Return a NumericDate (RFC 7519 section 2), which may have a fraction."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is not a number of seconds")
    return int(value)


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is not a string")
    return value


def _audience(claims: Mapping[str, Any]) -> tuple[str, ...]:
    value = claims.get("aud") or ()
    audience = (value,) if isinstance(value, str) else value
    if not isinstance(audience, list | tuple) or not all(isinstance(it, str) for it in audience):
        raise ValueError("aud is neither a string nor a list of strings")
    return tuple(audience)


def _object(claims: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    value = claims.get(name)
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"{name} is not an object")
    return value


def _authorization_details(claims: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    value = claims.get("authorization_details")
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(detail, dict) for detail in value):
        raise ValueError("authorization_details is not a list of objects")
    return value
