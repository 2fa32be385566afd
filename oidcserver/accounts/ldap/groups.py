"""The groups of a user of the LDAP directory."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import ldap
import ldap.dn
from ldap.filter import escape_filter_chars

from oidcserver.accounts.ldap import names
from oidcserver.accounts.ldap.connection import Connection, Entry, TooManyEntries
from oidcserver.accounts.ldap.entries import texts, username_of
from oidcserver.models.group import checked_group_name

#: A DN as ``ldap.dn.str2dn`` returns it.
DN = list[list[tuple[str, str, int]]]
#: Groups whose own groups one search finds.
AT_ONCE = 50

log = logging.getLogger(__name__)


def groups_of(
    connection: Connection, settings: Mapping[str, Any], entry: Entry
) -> Sequence[str] | None:
    """Return the names of the groups of a user, or None if there are too many.

    Some of too many would open one application and close another, so they are left out whole.
    """
    most = settings[names.MAX_GROUPS]
    try:
        if settings[names.GROUP_FILTER]:
            found = _searched(connection, settings, entry, most)
        else:
            found = _named(settings, entry, most)
    except TooManyEntries:
        log.warning(
            "The groups of %s were left out: there are more than %s = %d, or than the server "
            "returns.",
            entry.dn,
            names.MAX_GROUPS,
            most,
        )
        return None
    return sorted({name for text in found if (name := checked_group_name(text)) is not None})


def _named(settings: Mapping[str, Any], entry: Entry, most: int) -> list[str]:
    """Return the first value of each DN in the attribute of the user that is below the base."""
    values = entry.values.get(settings[names.GROUP_ATTRIBUTE].lower(), ())
    base = _comparable(ldap.dn.str2dn(settings[names.GROUP_BASE]))
    dns = [dn for value in values if (dn := _parsed(value)) and _is_below(dn, base)]
    if len(dns) > most:
        raise TooManyEntries
    return [name for dn in dns if (name := str(dn[0][0][1]))]


def _parsed(dn: bytes) -> DN:
    """Return the parts of a DN, each some triples of attribute, value and flags; none of others."""
    try:
        return list(ldap.dn.str2dn(dn.decode()))
    except (ldap.DECODING_ERROR, UnicodeDecodeError):
        return []


def _is_below(dn: DN, base: Sequence[object]) -> bool:
    return not base or _comparable(dn)[-len(base) :] == base


def _comparable(dn: DN) -> list[frozenset[tuple[str, str]]]:
    """Return a DN in a form that case, spaces and the order within a part do not change."""
    return [
        frozenset((name.lower(), " ".join(value.lower().split())) for name, value, _ in part)
        for part in dn
    ]


def _searched(
    connection: Connection, settings: Mapping[str, Any], entry: Entry, most: int
) -> list[str]:
    """Search for the groups of the user, and then for the groups of those, each group once."""
    pattern, attribute = settings[names.GROUP_FILTER], settings[names.GROUP_NAME_ATTRIBUTE]
    base = settings[names.GROUP_BASE] or settings[names.BASE]
    known: dict[str, Entry] = {}
    name = escape_filter_chars(username_of(entry, settings) or "")
    waiting = [pattern.replace(names.USERNAME, name).replace(names.DN, _escaped(entry))]
    while waiting:
        chosen, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
        found = connection.search(base, f"(|{''.join(chosen)})", [attribute], most)
        new = {group.dn: group for group in found if group.dn not in known}
        known.update(new)
        if len(known) > most:
            raise TooManyEntries
        if settings[names.NESTED_GROUPS]:
            waiting += [pattern.replace(names.DN, _escaped(group)) for group in new.values()]
    return [name for group in known.values() if (name := next(texts(group, attribute), ""))]


def _escaped(entry: Entry) -> str:
    escaped: str = escape_filter_chars(entry.dn)
    return escaped
