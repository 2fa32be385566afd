"""The users of the application, as the provider sees them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from intranet.models import User
from intranet.security import find_user
from oidcserver.interfaces import DirectoryUser


class Directory:
    """A user directory (``oidcserver.interfaces.UserDirectory``) over the table of users."""

    def authenticate(self, request: Any, username: str, password: str) -> DirectoryUser | None:
        """Return the user whose password this is; the password grant asks."""
        user = find_user(request, username)
        if user is None or not user.check_password(password):
            return None
        return as_directory_user(user)

    def claims(self, request: Any, user: DirectoryUser) -> Mapping[str, Any]:
        """Return the claims about a user that applications may get."""
        row = request.dbsession.get(User, int(user.id))
        return {"name": row.full_name, "email": row.email} if row else {}

    def find(self, registry: Any, identifiers: Sequence[str]) -> Mapping[str, DirectoryUser]:
        """Return those who may still sign in; the provider asks regularly."""
        chosen = User.id.in_([int(identifier) for identifier in identifiers])
        with registry["dbsession_factory"]() as dbsession:
            found = dbsession.scalars(select(User).where(chosen)).all()
        return {str(user.id): as_directory_user(user) for user in found}


def as_directory_user(user: User) -> DirectoryUser:
    """Return a row of the table as the provider takes it."""
    return DirectoryUser(id=str(user.id), username=user.name)


def includeme(config: Any) -> None:
    """Offer the directory for ``oidc.user_directory``."""
    config.add_user_directory("intranet", Directory())
