"""The checks of an assertion whose signature is valid (RFC 7523 section 3), one for each rule."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from oidcserver.keys.jwt_times import problem_of_times
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.types import Provider

#: Any other type is a JWT that the client signed for another purpose.
_TYPES = frozenset({"jwt", "client-authentication+jwt"})


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion that the client signed, and the values that it is compared with."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    client_id: str
    #: The request that has the assertion.
    request: OAuthRequest
    provider: Provider
    #: Those for the client.
    settings: Mapping[str, Any]
    #: Seconds since the epoch.
    now: int


def check_type(assertion: Assertion) -> str | None:
    """The ``typ``, if there is one, is that of an assertion."""
    typ = assertion.header.get("typ", "JWT").lower().removeprefix("application/")
    return None if typ in _TYPES else "The typ is that of another kind of JWT."


def check_issuer_and_subject(assertion: Assertion) -> str | None:
    """``iss`` and ``sub`` are the client."""
    claims, client_id = assertion.claims, assertion.client_id
    if claims.get("iss") == claims.get("sub") == client_id:
        return None
    return "iss and sub are not both the client_id."


def check_client_id(assertion: Assertion) -> str | None:
    """The parameter ``client_id``, if there is one, is the same."""
    if assertion.request.form.get("client_id", assertion.client_id) == assertion.client_id:
        return None
    return "The client_id of the body is not that of the assertion."


def check_audience(assertion: Assertion) -> str | None:
    """``aud`` is this provider's issuer or the URL of an endpoint, at either host.

    With ``oauth.assertion_audience = issuer`` it is the issuer, as a string
    (draft-ietf-oauth-rfc7523bis section 4).
    """
    provider, aud = assertion.provider, assertion.claims.get("aud")
    accepted = {provider.issuer}
    if assertion.settings["oauth.assertion_audience"] == "issuer_or_endpoint":
        # RFC 7523 section 3: the token endpoint; RFC 9126 section 2: the endpoint of the request.
        accepted.add(provider.url(provider.endpoints.get("token", "")))
        accepted.add(assertion.request.uri)
        if base := assertion.settings["oauth.mtls_base_url"]:
            # RFC 8705 section 5: a client that uses mTLS knows these endpoints by their aliases.
            endpoints = accepted - {provider.issuer}
            accepted |= {base + url.removeprefix(provider.issuer) for url in endpoints}
        audiences = aud if isinstance(aud, list) else [aud]
    else:
        audiences = [aud]
    if any(isinstance(audience, str) and audience in accepted for audience in audiences):
        return None
    return f"aud is not exactly this provider: {json.dumps(aud)[:100]}."


def check_times(assertion: Assertion) -> str | None:
    """The assertion is valid now, and expires soon."""
    settings, claims, now = assertion.settings, assertion.claims, assertion.now
    skew, lifetime = settings["oauth.clock_skew"], settings["oauth.assertion_max_lifetime"]
    problem = problem_of_times(claims, now=now, skew=skew, required=("exp",))
    if problem is not None:
        return f"{problem}."
    if claims["exp"] > now + lifetime + skew:
        ahead = int(claims["exp"] - now)
        return f"exp is {ahead} s ahead, and oauth.assertion_max_lifetime is {lifetime} s."
    return None


def check_identifier(assertion: Assertion) -> str | None:
    """The assertion has an identifier, so that it can be used only once."""
    jti = assertion.claims.get("jti")
    return None if isinstance(jti, str) and jti else "jti is missing or not text."


Check = Callable[[Assertion], str | None]

#: In this order, each with its rule. A check returns a sentence about the mistake, or None.
CHECKS: tuple[tuple[Check, str], ...] = (
    (check_type, "RFC 8725 section 3.12"),
    (check_issuer_and_subject, "RFC 7523 section 3"),
    (check_client_id, "RFC 7521 section 4.2"),
    (check_audience, "RFC 7523 section 3"),
    (check_times, "RFC 7523 section 3"),
    (check_identifier, "RFC 7523 section 3"),
)
