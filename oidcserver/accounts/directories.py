"""The built-in user directories: ``demo`` for development, ``database`` with passwords."""

import hmac
from collections.abc import Mapping
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from oidcserver.accounts.passwords import Busy, hash_password, needs_rehash, verify_password
from oidcserver.database.statements import insert_once
from oidcserver.interfaces import DirectoryUser
from oidcserver.models import User
from oidcserver.models.user import (
    LOCAL,
    MAX_USERNAME,
    MAX_USERNAME_KEY,
    find_user,
    normalise_username,
)
from oidcserver.texts import _
from oidcserver.types import Provider, Registry, Request

DEMO_PASSWORD = "valid"


def passwords_problem(provider: Provider, selection: str) -> str | None:
    """Return why something cannot be selected where passwords are not kept here.

    :param selection: what selects it: the beginning of the sentence.
    """
    if getattr(provider.user_directory, "keeps_passwords", False):
        return None
    name = provider.settings["oidc.user_directory"]
    return f"{selection}, but the users of oidc.user_directory = {name} have no passwords here."


class DatabaseDirectory:
    """The users of our own table, with argon2id hashes."""

    realm = LOCAL
    keeps_passwords = True

    def authenticate(self, request: Request, username: str, password: str) -> DirectoryUser | None:
        """Check the password on a connection of its own that is given back before the hashing.

        The request must not be in a transaction (``request.oidc.authenticate_user`` sees to that).

        :raises Busy: when every core hashes a password already.
        """
        with request.registry.oidc.database.session() as dbsession:
            user = find_user(dbsession, username)
        if user is None or user.disabled_at is not None:
            verify_password(password, None)
            return None
        if not verify_password(password, user.password_hash):
            return None
        if user.password_hash is not None and needs_rehash(user.password_hash):
            self._rehash(request, user, password)
        return _as_directory_user(user)

    def _rehash(self, request: Request, user: User, password: str) -> None:
        try:
            rehashed = hash_password(password)
        except Busy:  # the password was right; the next sign-in hashes it again
            return
        statement = (
            update(User)
            .where(User.id == user.id, User.password_hash == user.password_hash)
            .values(password_hash=rehashed)
            .execution_options(synchronize_session=False)
        )
        request.oidc.database.run(lambda dbsession: dbsession.execute(statement))


class DemoDirectory(DatabaseDirectory):
    """Any user name with the password ``valid``; a new name becomes a user. Development only.

    A user with a password of their own, as one who registered, has that.
    """

    realm = LOCAL
    #: Users may have passwords of their own, which are stored in the table of users.
    keeps_passwords = True
    sign_in_hint = _(
        'Any user name works here, such as alice. The password is "${password}", unless the '
        "account has its own.",
        {"password": DEMO_PASSWORD},
    )

    def authenticate(self, request: Request, username: str, password: str) -> DirectoryUser | None:
        """Return the user of that name, made now if need be."""
        with request.registry.oidc.database.session() as dbsession:
            known = find_user(dbsession, username)
        if known is not None and known.password_hash is not None:
            return super().authenticate(request, username, password)
        name = username.strip()
        if not hmac.compare_digest(password.encode(), DEMO_PASSWORD.encode()):
            return None
        key = normalise_username(name)
        if not (key and name.isprintable()):
            return None
        if len(name) > MAX_USERNAME or len(key) > MAX_USERNAME_KEY:
            return None

        def find_or_make(dbsession: Session) -> User | None:
            insert_once(dbsession, User, username=name, username_key=key)
            return find_user(dbsession, name)

        return _as_directory_user(request.oidc.database.run(find_or_make))

    def claims(self, request: Request, user: DirectoryUser) -> Mapping[str, Any]:
        """Return the stored claims, and an address that can receive nothing (RFC 2606)."""
        return {"email": f"{user.id}@demo.invalid", "email_verified": False, **user.claims}


def _as_directory_user(user: User | None) -> DirectoryUser | None:
    """Return the user of a row; of another realm, none has a password here."""
    if user is None or user.realm != LOCAL or user.disabled_at is not None:
        return None
    return DirectoryUser(user.external_id, user.username, user.claims)


def reject_demo(registry: Registry) -> str | None:
    """Reject the demo directory in production: its password is public."""
    settings = registry.oidc.provider.settings
    if settings["oidc.user_directory"] == "demo" and settings["oidcserver.mode"] == "production":
        return (
            "oidc.user_directory = demo lets everyone in with the password 'valid': "
            "in production choose another, such as database."
        )
    return None
