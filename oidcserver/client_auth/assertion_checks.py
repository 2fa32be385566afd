"""What an assertion with a good signature has to say (RFC 7523 section 3), one check a rule."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from oidcserver.types import Provider

#: Any other type is a JWT that the client signed for another purpose.
_TYPES = frozenset({"jwt", "client-authentication+jwt"})


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion whose signature is the client's, and what it is held against."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    client_id: str
    #: The OAuth2Request that carries it.
    request: Any
    provider: Provider
    #: Seconds since the epoch.
    now: int


def check_type(assertion: Assertion) -> str | None:
    """The type, where there is one, is that of an assertion."""
    typ = assertion.header.get("typ", "JWT").lower().removeprefix("application/")
    return None if typ in _TYPES else "The typ is that of another kind of JWT."


def check_issuer_and_subject(assertion: Assertion) -> str | None:
    """Both are the client."""
    claims, client_id = assertion.claims, assertion.client_id
    if claims.get("iss") == claims.get("sub") == client_id:
        return None
    return "iss and sub are not both the client_id."


def check_client_id(assertion: Assertion) -> str | None:
    """A ``client_id`` beside the assertion is the same."""
    if assertion.request.form.get("client_id", assertion.client_id) == assertion.client_id:
        return None
    return "The client_id of the body is not that of the assertion."


def check_audience(assertion: Assertion) -> str | None:
    """It is meant for this provider, by its issuer or by the URL of an endpoint.

    ``oauth.assertion_audience = issuer`` accepts the issuer as a string and nothing else.
    """
    provider, aud = assertion.provider, assertion.claims.get("aud")
    accepted = {provider.issuer}
    if provider.settings["oauth.assertion_audience"] == "issuer_or_endpoint":
        # RFC 7523 section 3: the token endpoint; RFC 9126 section 2: the endpoint that is asked.
        accepted.add(provider.url(provider.endpoints.get("token", "")))
        accepted.add(assertion.request.uri)
        audiences = aud if isinstance(aud, list) else [aud]
    else:
        audiences = [aud]
    if any(isinstance(audience, str) and audience in accepted for audience in audiences):
        return None
    return f"aud names somebody else, or too much: {json.dumps(aud)[:100]}."


def check_times(assertion: Assertion) -> str | None:
    """It is valid now and not for long."""
    settings, claims, now = assertion.provider.settings, assertion.claims, assertion.now
    skew, lifetime = settings["oauth.clock_skew"], settings["oauth.assertion_max_lifetime"]
    for name in ("exp", "nbf", "iat"):
        if not _is_numeric_date(claims.get(name, now)):
            return f"{name} is not a number of seconds."
    if "exp" not in claims:
        return "exp is missing."
    ahead = int(claims["exp"] - now)
    if claims["exp"] <= now - skew:
        return f"It expired {-ahead} s ago."
    if claims["exp"] > now + lifetime + skew:
        return f"exp is {ahead} s ahead, and oauth.assertion_max_lifetime is {lifetime} s."
    for name in ("nbf", "iat"):
        if claims.get(name, now) > now + skew:
            return f"{name} is {int(claims[name] - now)} s ahead."
    return None


def check_identifier(assertion: Assertion) -> str | None:
    """It has an identifier by which it can be used up."""
    jti = assertion.claims.get("jti")
    return None if isinstance(jti, str) and jti else "jti is missing or not text."


def _is_numeric_date(value: Any) -> bool:
    """A NumericDate (RFC 7519 section 2) of which arithmetic is exact; NaN is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53


Check = Callable[[Assertion], str | None]

#: In this order, each with its rule. A check returns what is wrong in a sentence, or None.
CHECKS: tuple[tuple[Check, str], ...] = (
    (check_type, "RFC 8725 section 3.12"),
    (check_issuer_and_subject, "RFC 7523 section 3"),
    (check_client_id, "RFC 7521 section 4.2"),
    (check_audience, "RFC 7523 section 3"),
    (check_times, "RFC 7523 section 3"),
    (check_identifier, "RFC 7523 section 3"),
)
