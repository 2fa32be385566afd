"""The checks of an ID token of an upstream (OpenID Connect Core section 3.1.3.7)."""

from dataclasses import dataclass
from typing import Any

from oidcserver.accounts.upstreams.hosts import UpstreamFailed
from oidcserver.interfaces.upstream import TENANT, Upstream
from oidcserver.keys.jwt import half_hash
from oidcserver.keys.jwt_times import problem_of_times
from oidcserver.models.upstream import MAX_SUBJECT

#: Seconds by which clocks may differ.
SKEW = 60


@dataclass(frozen=True, slots=True)
class Expected:
    """The values that an ID token must have."""

    upstream: Upstream
    nonce: str
    access_token: str
    now: int
    #: The latest moment at which the user may have signed in there; None: any.
    signed_in_since: int | None


def check_id_token(header: dict[str, Any], claims: dict[str, Any], expected: Expected) -> None:
    """Check the claims of an ID token whose signature is right.

    :raises UpstreamFailed: with the first claim that is wrong.
    """
    upstream = expected.upstream
    check_origin(upstream, claims, expected.now)
    if TENANT in upstream.issuer:
        own = upstream.issuer.replace(TENANT, str(claims.get("tid")))
        require(claims["iss"] == own, "tid is not the tenant of iss")
    require(is_text(claims.get("sub"), MAX_SUBJECT), "sub is not a text of 1 to 255 characters")
    require(claims.get("azp", upstream.client_id) == upstream.client_id, "azp is not ours")
    require(claims.get("nonce") == expected.nonce, "nonce is not that of the request")
    if "at_hash" in claims:
        own = half_hash(expected.access_token, header["alg"])
        require(claims["at_hash"] == own, "at_hash is not that of the access token")
    if upstream.acr_values:
        require(claims.get("acr") in upstream.acr_values, "acr is none of those asked for")
    if expected.signed_in_since is not None:
        auth_time = auth_time_of(claims)
        recent = auth_time is not None and auth_time >= expected.signed_in_since - SKEW
        require(recent, "auth_time is missing or too old")


def auth_time_of(claims: dict[str, Any]) -> int | None:
    """Return when the user signed in there, by its own clock; None if it does not say."""
    value: Any = claims.get("auth_time")
    return int(value) if type(value) in (int, float) else None


def check_origin(upstream: Upstream, claims: dict[str, Any], now: int) -> None:
    """Check issuer, audience and times, which ID tokens and logout tokens have in common.

    :raises UpstreamFailed: with the first claim that is wrong.
    """
    require(upstream.is_issuer(claims.get("iss")), "iss is not its issuer")
    # Other audiences are not trusted.
    require(claims.get("aud") in (upstream.client_id, [upstream.client_id]), "aud is not ours")
    problem = problem_of_times(claims, now=now, skew=SKEW, required=("exp", "iat"))
    require(problem is None, str(problem))


def is_text(value: object, longest: int) -> bool:
    """Whether a value is a text that is not empty, and can be stored."""
    return isinstance(value, str) and 0 < len(value) <= longest and "\0" not in value


def require(condition: bool, reason: str) -> None:
    """Require a condition.

    :raises UpstreamFailed: with the reason, half a sentence.
    """
    if not condition:
        raise UpstreamFailed(f"The token is not accepted: {reason}.")
