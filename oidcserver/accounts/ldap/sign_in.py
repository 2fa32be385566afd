"""Signing in at the LDAP server, and looking up the users who have signed in."""

import secrets
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from oidcserver.accounts.ldap import names
from oidcserver.accounts.ldap.connection import Connection, Entry, TooManyEntries, connected
from oidcserver.accounts.ldap.entries import find_entries, find_entry, user_of
from oidcserver.accounts.ldap.groups import groups_of
from oidcserver.interfaces import DirectoryUnavailable, DirectoryUser

Settings = Mapping[str, Any]

#: Seconds that the server took to reject the last wrong passwords of users that exist.
_refusals: deque[float] = deque(maxlen=32)


def sign_in_user(settings: Settings, username: str, password: str) -> DirectoryUser | None:
    """Return the user whose password this is, or None.

    A name without a user takes as long as a wrong password.

    :raises oidcserver.interfaces.DirectoryUnavailable: if the server cannot tell.
    """
    with connected(settings) as connection:
        connection.bind_as_provider()
        entry = find_entry(connection, settings, username)
        started = time.monotonic()
        if entry is None:
            connection.bind(f"cn={secrets.token_hex(16)},{settings[names.BASE]}", "nobody's")
            if _refusals:
                usual = secrets.choice(_refusals)
                time.sleep(max(0.0, usual - (time.monotonic() - started)))
            return None
        if not connection.bind(entry.dn, password):
            _refusals.append(time.monotonic() - started)
            return None
        connection.bind_as_provider()
        return _user(connection, settings, entry)


def look_up_users(settings: Settings, identifiers: Sequence[str]) -> dict[str, DirectoryUser]:
    """Return the users with these identifiers who may sign in, by their identifiers.

    :raises oidcserver.interfaces.DirectoryUnavailable: if the server cannot tell.
    """
    found = {}
    with connected(settings) as connection:
        connection.bind_as_provider()
        try:
            entries = find_entries(connection, settings, identifiers)
        except TooManyEntries:
            raise DirectoryUnavailable(
                f"The LDAP server cannot return the entries of {len(identifiers)} users at once: "
                f"{names.ID_ATTRIBUTE} has to be different in each entry, and the size limit of "
                "the server larger."
            ) from None
        for entry in entries:
            connection.renew()
            user = _user(connection, settings, entry)
            if user is not None:
                found[user.id] = user
    return found


def _user(connection: Connection, settings: Settings, entry: Entry) -> DirectoryUser | None:
    return user_of(entry, settings, groups_of(connection, settings, entry))
