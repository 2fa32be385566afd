"""The checks of users who are imported."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from oidcserver.accounts.importable_hashes import importable_hash
from oidcserver.cli.claims import claims_problem
from oidcserver.cli.groups import group_name
from oidcserver.cli.user_files import Record
from oidcserver.models.user import normalise_username, username_problem
from oidcserver.types import Provider

#: An identifier from another system, which becomes the subject.
_ID = re.compile(r"[A-Za-z0-9._~:@-]{1,64}")
#: Django's hash of a user without a password begins with it.
_UNUSABLE = "!"


@dataclass(frozen=True, slots=True)
class ImportedUser:
    """A user of a file, checked."""

    username: str
    key: str
    id: str | None = None
    password_hash: str | None = None
    groups: list[str] = field(default_factory=list)
    disabled: bool = False
    claims: dict[str, Any] = field(default_factory=dict)


def checked_user(provider: Provider, record: Record) -> ImportedUser:
    """Return the user of a record.

    :raises ValueError: with a sentence, if the record is bad.
    """
    username, identifier = record.get("username"), record.get("id")
    if not isinstance(username, str):
        raise ValueError("It has no username.")
    if (problem := username_problem(username)) is not None:
        raise ValueError(problem)
    if identifier is not None and not (isinstance(identifier, str) and _ID.fullmatch(identifier)):
        raise ValueError("An id has 1 to 64 letters, digits and ._~:@-.")
    disabled, claims = record.get("disabled", False), record.get("claims", {})
    if not isinstance(disabled, bool):
        raise ValueError("disabled is true or false.")
    if not isinstance(claims, dict):
        raise ValueError("claims is not an object.")
    if (problem := claims_problem(provider, claims)) is not None:
        raise ValueError(problem)
    if "\\u0000" in json.dumps(claims, allow_nan=False):
        raise ValueError("A claim has a NUL character.")
    return ImportedUser(
        username.strip(),
        normalise_username(username),
        identifier,
        _password_hash(record.get("password_hash")),
        _groups(record.get("groups")),
        disabled,
        claims,
    )


def _password_hash(value: Any) -> str | None:
    if not value or (isinstance(value, str) and value.startswith(_UNUSABLE)):
        return None
    if not isinstance(value, str | dict):
        raise ValueError("password_hash is not a text.")
    return importable_hash(value)


def _groups(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError("groups is not a list of names.")
    return list(dict.fromkeys(group_name(name) for name in value))


@dataclass(slots=True)
class Taken:
    """The names and identifiers that the database or an earlier line of the file has.

    Each has the place in the file, such as ``line 2``, or "" for the database.
    """

    keys: dict[str, str]
    ids: dict[str, str]
    groups: Collection[str]

    def take(self, user: ImportedUser, place: str, *, create_groups: bool) -> None:
        """Note the name and the identifier of the user at a place of the file.

        :raises ValueError: with a sentence, if another has them, or if a group does not exist.
        """
        if other := self.keys.get(user.key):
            raise ValueError(f"The name {user.username} is that of {other} too.")
        if user.key in self.keys:
            raise ValueError(f"There is a user {user.username} already.")
        if user.id is not None and (other := self.ids.get(user.id)):
            raise ValueError(f"The id {user.id} is that of {other} too.")
        if user.id is not None and user.id in self.ids:
            raise ValueError(f"There is a user with the id {user.id} already.")
        missing = [name for name in user.groups if name not in self.groups]
        if missing and not create_groups:
            raise ValueError(f"There is no group {missing[0]}: create it, or pass --create-groups.")
        self.keys[user.key] = place
        if user.id is not None:
            self.ids[user.id] = place
