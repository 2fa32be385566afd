"""The built-in user directories: ``demo`` for development, ``database`` with passwords."""

import hmac
from collections.abc import Mapping
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from oidcserver.accounts.passwords import hash_password, needs_rehash, verify_password
from oidcserver.database.statements import insert_once
from oidcserver.models import User
from oidcserver.models.user import (
    MAX_USERNAME,
    MAX_USERNAME_KEY,
    find_user,
    normalise_username,
)
from oidcserver.types import Registry, Request

DEMO_PASSWORD = "valid"


def stored_claims(user: Any) -> Mapping[str, Any]:
    """Return the claims of a person's row (OpenID Connect Core section 5.1).

    The user name stands in for a missing ``preferred_username`` and ``name``.
    """
    return {
        "preferred_username": user.username,
        "name": user.username,
        "updated_at": user.updated_at,
        **user.claims,
    }


class DemoDirectory:
    """Any user name with the password ``valid``; a new name becomes a person. Development only."""

    sign_in_hint = f'Any user name works here, such as alice. The password is "{DEMO_PASSWORD}".'

    def authenticate(self, request: Request, username: str, password: str) -> User | None:
        """Return the person of that name, made now if need be."""
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

        user = request.oidc.database.run(find_or_make)
        return user if user is not None and user.disabled_at is None else None

    def claims(self, request: Request, user: Any) -> Mapping[str, Any]:
        """Return the stored claims, and an address that can receive nothing (RFC 2606)."""
        email = f"{user.id}@demo.invalid"
        return {"email": email, "email_verified": False, **stored_claims(user)}


class DatabaseDirectory:
    """The people of our own table, with argon2id hashes."""

    def authenticate(self, request: Request, username: str, password: str) -> User | None:
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
        return user

    def claims(self, request: Request, user: Any) -> Mapping[str, Any]:
        """Return the stored claims."""
        return stored_claims(user)

    def _rehash(self, request: Request, user: User, password: str) -> None:
        rehashed = hash_password(password)
        statement = (
            update(User)
            .where(User.id == user.id, User.password_hash == user.password_hash)
            .values(password_hash=rehashed)
            .execution_options(synchronize_session=False)
        )
        request.oidc.database.run(lambda dbsession: dbsession.execute(statement))


def refuse_demo(registry: Registry) -> str | None:
    """In production nobody signs in with a password that everybody knows."""
    settings = registry.oidc.provider.settings
    if settings["oidc.user_directory"] == "demo" and settings["oidcserver.mode"] == "production":
        return (
            "oidc.user_directory = demo lets everyone in with the password 'valid': "
            "in production choose another, such as database."
        )
    return None
