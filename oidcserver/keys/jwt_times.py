"""The times of JWTs of other parties (RFC 7519 section 4.1)."""

from collections.abc import Collection, Mapping
from typing import Any

TIMES = ("exp", "nbf", "iat")


def problem_of_times(
    claims: Mapping[str, Any], *, now: int, skew: int, required: Collection[str] = ()
) -> str | None:
    """Return why a JWT is not valid now, as half a sentence, or None.

    :param now: seconds since the epoch.
    :param skew: seconds by which the clock of the other party may differ.
    :param required: the times that have to be there.
    """
    for name in TIMES:
        if name in claims:
            if not _is_numeric_date(claims[name]):
                return f"{name} is not a number of seconds"
        elif name in required:
            return f"{name} is missing"
    if "exp" in claims and claims["exp"] <= now - skew:
        return f"exp is {int(now - claims['exp'])} s past"
    for name in ("nbf", "iat"):
        if claims.get(name, now) > now + skew:
            return f"{name} is {int(claims[name] - now)} s ahead"
    return None


def _is_numeric_date(value: Any) -> bool:
    """Return whether a value is a NumericDate (RFC 7519 section 2) with exact arithmetic."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53
