"""How long an answer may be used without asking its host again (RFC 9111 section 4.2)."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from oidcserver import clock

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_DIRECTIVE = re.compile(rf'({_TOKEN})(?:=(?:"([^"]*)"|({_TOKEN})))?')
#: With one of these an answer is not kept for others, or not used without asking again.
_NOT_KEPT = frozenset({"no-store", "no-cache", "private"})
#: With one of these a stale answer is never used, also while its host is away (section 4.2.4).
_NEVER_STALE = frozenset({"must-revalidate", "proxy-revalidate", "s-maxage"})
#: Longer numbers mean the same (section 1.2.2).
_MANY_SECONDS = 2**31


class Freshness(NamedTuple):
    """How long an answer is fresh.

    :param seconds: from now on; None if the answer does not say it.
    :param may_be_stale: whether it may be used later too while its host does not answer.
    """

    seconds: int | None
    may_be_stale: bool


def freshness(headers: Mapping[str, str]) -> Freshness:
    """Return how long a cache that several users share may use an answer.

    An invalid time means that the answer is stale already (section 4.2.1).

    :param headers: the fields of the answer, by their names in lower case.
    :raises ValueError: if a directive has two values that contradict each other.
    """
    directives = _directives(headers.get("cache-control", ""))
    if not _NOT_KEPT.isdisjoint(directives):
        return Freshness(0, may_be_stale=False)
    may_be_stale = _NEVER_STALE.isdisjoint(directives)
    for name in ("s-maxage", "max-age"):
        if name in directives:
            seconds = _seconds(directives[name]) - _seconds(headers.get("age", "0"))
            return Freshness(max(0, seconds), may_be_stale)
    if "expires" in headers:
        now = clock.now()
        expires, date = _moment(headers["expires"], 0), _moment(headers.get("date", ""), now)
        return Freshness(max(0, expires - date), may_be_stale)
    return Freshness(None, may_be_stale)


def _directives(text: str) -> dict[str, str]:
    """Return the directives of Cache-Control (section 5.2) with their arguments."""
    found: dict[str, str] = {}
    for match in _DIRECTIVE.finditer(text):
        name, value = match[1].lower(), match[2] or match[3] or ""
        if found.setdefault(name, value) != value:
            raise ValueError("its Cache-Control contradicts itself")
    return found


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        return 0
    return min(int(text[:12]), _MANY_SECONDS)


def _moment(text: str, otherwise: int) -> int:
    """Return an HTTP date (RFC 9110 section 5.6.7) in seconds since the epoch."""
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, TypeError, OverflowError, IndexError):
        return otherwise
