"""The claims ``groups`` and ``roles``: lists of texts.

They hold the groups that the operator stores (``oidcserver groups``), those that an upstream names
and the ini maps, and those that the user directory or a claims source returns as claims of these
names. A group that is stored gives its roles to its members, and to those by an upstream.
"""

import logging
from typing import Any

from oidcserver.interfaces import User
from oidcserver.models.group import checked_group_name, stored_groups
from oidcserver.settings import integer
from oidcserver.types import Configurator, Request

GROUPS, ROLES = "groups", "roles"
CLAIMS = frozenset({GROUPS, ROLES})
MOST = "oidc.max_groups"

log = logging.getLogger(__name__)


def add_stored(request: Request, user: User, known: dict[str, Any]) -> None:
    """Add the stored groups and roles of a user to those that are known, each once."""
    upstreams = request.oidc.provider.upstreams

    def counts(name: str, issuer: str) -> bool:
        upstream = upstreams.get(name)
        return upstream is not None and bool(upstream.groups) and upstream.is_issuer(issuer)

    groups, roles = stored_groups(request.oidc.database, user.id, counts)
    for name, stored in ((GROUPS, groups), (ROLES, roles)):
        known[name] = list(dict.fromkeys([*_texts(known.get(name)), *stored]))


def leave_out_if_too_many(request: Request, user: User, known: dict[str, Any]) -> None:
    """Leave out a list with more than ``oidc.max_groups`` items whole.

    A list that was cut would deny one application this right and another application that one.
    """
    most = request.oidc.provider.settings[MOST]
    for name in CLAIMS.intersection(known):
        if len(known[name]) > most:
            log.warning(
                "The claim %s of the user %s was left out: it has %d items, and %s is %d.",
                name,
                user.id,
                len(known[name]),
                MOST,
                most,
            )
            del known[name]


def _texts(value: Any) -> list[str]:
    """Return a claim of a directory as a list of names as they are stored.

    One group may come as a text. A text that cannot be a name is left out.
    """
    items = value if isinstance(value, list | tuple | set | frozenset) else [value]
    found = (checked_group_name(item) for item in items if isinstance(item, str))
    return [name for name in found if name is not None]


def includeme(config: Configurator) -> None:
    """Add the setting."""
    config.add_oauth_setting(
        MOST,
        integer,
        100,
        "The number of items that the claims groups and roles may have. A longer list is left out "
        "whole, and the log has a line about it.",
    )
