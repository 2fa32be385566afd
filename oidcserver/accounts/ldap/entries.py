"""Finds the entries of users, and makes users of them."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from ldap.filter import escape_filter_chars

from oidcserver.accounts.ldap import names
from oidcserver.accounts.ldap.connection import Connection, Entry, TooManyEntries
from oidcserver.interfaces import MAX_DIRECTORY_TEXT, DirectoryUser
from oidcserver.models.user import MAX_USERNAME, MAX_USERNAME_KEY, normalise_username
from oidcserver.oidc.claim_types import TYPES, number_of, types_of
from oidcserver.oidc.groups import CLAIMS as LISTS
from oidcserver.oidc.groups import GROUPS
from oidcserver.oidc.languages import plain_name

#: The attribute of Active Directory whose value is not text ([MS-ADTS] section 3.1.1.1.5).
GUID = "objectguid"
#: The longest value that becomes a claim, in characters.
MAX_VALUE = 2000

log = logging.getLogger(__name__)

Settings = Mapping[str, Any]


def find_entry(connection: Connection, settings: Settings, username: str) -> Entry | None:
    """Return the entry of the user with a name; None if there is none, or more than one.

    A server may take many texts for one name, without accents, for example. Attempts are counted by
    the name that was entered, so only a name counts that is the one of the entry here too.
    """
    pattern = settings[names.USER_FILTER]
    filled = pattern.replace(names.USERNAME, escape_filter_chars(username))
    try:
        found = connection.search(
            settings[names.BASE], _enabled(settings, filled), _attributes(settings), 1
        )
    except TooManyEntries:
        log.error(
            "A sign-in was rejected: %s finds more than one entry for %r.",
            names.USER_FILTER,
            username,
        )
        return None
    return next((entry for entry in found if _has_name(entry, pattern, username)), None)


def find_entries(
    connection: Connection, settings: Settings, identifiers: Sequence[str]
) -> Sequence[Entry]:
    """Return the entries with these identifiers whose users may sign in.

    No entry has an identifier that the attribute cannot have, which was stored when
    ``oidc.ldap_id_attribute`` named another one.

    :raises TooManyEntries: if there are more entries than identifiers.
    """
    attribute = settings[names.ID_ATTRIBUTE]
    escaped = [it for it in (_escaped_identifier(attribute, it) for it in identifiers) if it]
    if not escaped:
        return ()
    any_of = "".join(f"({attribute}={it})" for it in escaped)
    anybody = settings[names.USER_FILTER].replace(names.USERNAME, "*")
    pattern = _enabled(settings, f"(&(|{any_of}){anybody})")
    most = len(escaped)
    return connection.search(settings[names.BASE], pattern, _attributes(settings), most)


def _enabled(settings: Settings, pattern: str) -> str:
    disabled = settings[names.DISABLED_FILTER]
    return f"(&{pattern}(!{disabled}))" if disabled else pattern


def _attributes(settings: Settings) -> list[str]:
    """Return the attributes to ask for, each once."""
    asked = [
        settings[names.ID_ATTRIBUTE],
        settings[names.USERNAME_ATTRIBUTE],
        settings[names.GROUP_ATTRIBUTE],
        *(attribute for attribute, _ in names.COMPARISON.findall(settings[names.USER_FILTER])),
        *(word.partition("=")[2] for word in settings[names.CLAIMS]),
    ]
    return list({name.lower(): name for name in asked if name}.values())


def _has_name(entry: Entry, pattern: str, username: str) -> bool:
    return any(
        normalise_username(value) == normalise_username(template.replace(names.USERNAME, username))
        for attribute, template in names.COMPARISON.findall(pattern)
        for value in texts(entry, attribute)
    )


def texts(entry: Entry, attribute: str) -> Iterator[str]:
    """Yield the values of an attribute that are text, in the order of the server."""
    for value in entry.values.get(attribute.lower(), ()):
        try:
            text = value.decode().strip()
        except UnicodeDecodeError:
            continue
        if text and "\0" not in text:
            yield text


def identifier_of(entry: Entry, settings: Settings) -> str | None:
    """Return the identifier of an entry, or None if it has no single usable one."""
    attribute = settings[names.ID_ATTRIBUTE].lower()
    if attribute == GUID:
        values = entry.values.get(GUID, ())
        return str(UUID(bytes_le=values[0])) if len(values) == 1 and len(values[0]) == 16 else None
    found = list(texts(entry, attribute))
    return found[0] if len(found) == 1 and len(found[0]) <= MAX_DIRECTORY_TEXT else None


def _escaped_identifier(attribute: str, identifier: str) -> str | None:
    """Return the text of an identifier in a filter, or None if it is none of this attribute."""
    if attribute.lower() == GUID:
        try:
            return "".join(f"\\{byte:02x}" for byte in UUID(identifier).bytes_le)
        except ValueError:
            return None
    escaped: str = escape_filter_chars(identifier)
    return escaped


def username_of(entry: Entry, settings: Settings) -> str | None:
    """Return the user name of an entry, or None if it has no usable one."""
    name = next(texts(entry, settings[names.USERNAME_ATTRIBUTE]), "")
    usable = 0 < len(name) <= MAX_USERNAME and len(normalise_username(name)) <= MAX_USERNAME_KEY
    return name if usable else None


def user_of(entry: Entry, settings: Settings, groups: Sequence[str] | None) -> DirectoryUser | None:
    """Return the user of an entry, or None if it has no identifier or no name.

    :param groups: None if they are not to be known.
    """
    identifier, username = identifier_of(entry, settings), username_of(entry, settings)
    if identifier is None or username is None:
        which = names.ID_ATTRIBUTE if identifier is None else names.USERNAME_ATTRIBUTE
        log.error("The entry %s cannot sign in: it has no %s.", entry.dn, settings[which])
        return None
    claims: dict[str, Any] = {}
    for word in settings[names.CLAIMS]:
        claim, _, attribute = word.partition("=")
        values = [it for it in texts(entry, attribute) if len(it) <= MAX_VALUE]
        value = _claim(settings, claim, values)
        if value is not None:
            claims[claim] = value
    if settings[names.EMAIL_VERIFIED] and "email" in claims:
        claims.setdefault("email_verified", True)
    if groups:
        claims[GROUPS] = sorted({*claims.get(GROUPS, ()), *groups})
    return DirectoryUser(identifier, username, claims)


def _claim(
    settings: Settings, name: str, values: Sequence[str]
) -> str | bool | int | float | Sequence[str] | None:
    """Return the value of a claim: all values of a list, otherwise the first, in its type."""
    if not values:
        return None
    types = types_of(settings, plain_name(name))
    if name in LISTS or types == TYPES["list"]:
        return values
    if types == TYPES["boolean"]:
        return values[0].upper() == "TRUE"  # RFC 4517 section 3.3.3
    if types == TYPES["number"]:
        return number_of(values[0])
    return values[0]
