"""The groups that an upstream's claims name, by the mapping of the ini.

They are refreshed at each sign-in there: a user who has left a group there has left it here. Groups
that the operator stores (``oidcserver groups``) are not touched.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

from oidcserver.accounts.upstreams.exchange import Identity
from oidcserver.interfaces.upstream import Upstream
from oidcserver.models.group import checked_group_name, set_upstream_groups
from oidcserver.settings import lines
from oidcserver.types import Request

#: The most groups that one user may get from an upstream.
MOST = 500
#: A line of the mapping.
_LINE = re.compile(r"(.+?)\s+=\s+(.+)")

log = logging.getLogger(__name__)


def group_lines(raw: str) -> Mapping[str, str]:
    """Return the groups of lines such as ``Domain Users = staff`` or ``app-* = *``.

    :raises ValueError: with an example.
    """
    found: dict[str, str] = {}
    for line in lines(raw):
        match = _LINE.fullmatch(line)
        theirs, ours = (match[1], match[2]) if match else ("", "")
        if not can_be_mapped(theirs, ours) or theirs in found:
            raise ValueError(
                "lines such as `Domain Users = staff` or `app-* = *`, each with another name"
            )
        found[theirs] = ours
    return found


def can_be_mapped(theirs: str, ours: str) -> bool:
    """Whether a line of the mapping can be used: a ``*`` ends their name, and is once in ours."""
    example = ours.replace("*", "x")
    starred = theirs.endswith("*")
    return (
        bool(theirs)
        and "*" not in theirs.removesuffix("*")
        and ours.count("*") <= starred
        and checked_group_name(example) == example
    )


def refresh_groups(request: Request, identity: Identity, link_id: str) -> None:
    """Let the user be a member of the groups that the upstream names now, and of no others."""
    names = mapped_groups(identity.upstream, identity.claims)
    set_upstream_groups(request.oidc.dbsession, link_id, names)


def mapped_groups(upstream: Upstream, claims: Mapping[str, Any]) -> set[str]:
    """Return our names of the groups that the claims name; none if there are too many of them.

    A list that was cut would give one right and withhold another.
    """
    if not upstream.groups:
        return set()
    found: set[str] = set()
    elsewhere = claims.get("_claim_names")  # OpenID Connect Core section 5.6.2
    for claim in upstream.groups_claims:
        if isinstance(elsewhere, Mapping) and claim in elsewhere:
            log.warning("The upstream %s left %s out of its claims.", upstream.name, claim)
        for value in _texts(_claim(claims, claim)):
            found.update(_ours(upstream, value))
    if len(found) > MOST:
        log.warning(
            "The upstream %s names %d groups of one user, more than %d, so none of them counts.",
            upstream.name,
            len(found),
            MOST,
        )
        return set()
    return found


def _ours(upstream: Upstream, value: str) -> set[str]:
    found = set()
    for theirs, ours in upstream.groups.items():
        if theirs.endswith("*"):
            rest = value.removeprefix(theirs[:-1]) if value.startswith(theirs[:-1]) else None
        else:
            rest = "" if value == theirs else None
        name = checked_group_name(ours.replace("*", rest)) if rest is not None else None
        if name is not None:
            found.add(name)
    return found


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """Return a claim, or the member of an object: ``realm_access.roles``."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _texts(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str)]
