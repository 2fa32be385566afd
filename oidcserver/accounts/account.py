"""The accounts that the provider stores for the users of a directory.

Consents, sessions and tokens refer to the account, and the account to the identifier in the
directory, so a user who is renamed there keeps it. User names are unique among all accounts,
because administrators and commands refer to users by name. Within a realm the directory decides
about names; a name that an account of another realm has cannot sign in.
"""

import logging
from dataclasses import fields
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from oidcserver.credentials import new_identifier
from oidcserver.database.statements import insert_once
from oidcserver.interfaces import DirectoryUser
from oidcserver.models import User, UserRecord
from oidcserver.models.user import (
    MAX_USERNAME_KEY,
    find_user,
    normalise_username,
    read_account,
)
from oidcserver.oauth.errors import Rejection, invalid_grant
from oidcserver.texts import _
from oidcserver.types import Request

log = logging.getLogger(__name__)


def account_of(request: Request, user: DirectoryUser) -> UserRecord | None:
    """Return the account of a user of the selected directory; None if it is disabled.

    A new user gets one. The name and the claims of the account become those of the user.

    :raises Rejection: if an account of another realm has the user name.
    """
    if not isinstance(user, DirectoryUser):
        name = request.oidc.provider.settings["oidc.user_directory"]
        raise TypeError(
            f"The user directory {name!r} returned an object of {type(user).__name__}, not an "
            "oidcserver.interfaces.DirectoryUser."
        )
    realm = request.oidc.provider.realm
    account = read_account(request.oidc.database, realm, user.id)
    if account is None or differs(account, user):
        account = request.oidc.database.run(partial(keep_account, realm, user))
    return account if account.may_sign_in else None


def differs(account: User | UserRecord, user: DirectoryUser) -> bool:
    """Whether an account has to be changed: it is that of a user who had left, for example."""
    stored = (account.username, account.claims, account.left_at)
    return stored != (user.username.strip(), dict(user.claims), None)


def keep_account(realm: str, user: DirectoryUser, dbsession: Session) -> UserRecord:
    """Insert or change the row of an account, whose user the directory knows.

    :raises Rejection: if an account of another realm has the user name.
    """
    name, key = user.username.strip(), normalise_username(user.username)
    if len(key) > MAX_USERNAME_KEY:
        raise ValueError(f"The user name {name[:40]!r}... is too long.")
    holder = find_user(dbsession, name)
    if holder is not None and (holder.realm, holder.external_id) != (realm, user.id):
        if holder.realm != realm:
            raise _name_is_taken(holder, realm)
        # Renamed since: the directory tells the new name at the next sign-in. No key has capitals.
        holder.username_key = f"RENAMED {holder.id}"
        dbsession.flush()
    columns = {"username": name, "username_key": key, "claims": dict(user.claims)}
    insert_once(dbsession, User, id=new_identifier(), realm=realm, external_id=user.id, **columns)
    row = dbsession.scalars(
        select(User).where(User.realm == realm, User.external_id == user.id)
    ).one()
    for column, value in columns.items():
        setattr(row, column, value)
    row.left_at = None
    dbsession.flush()
    return UserRecord(*(getattr(row, each.name) for each in fields(UserRecord)))


def _name_is_taken(holder: User, realm: str) -> Rejection:
    log.error(
        "A user of the directory %r cannot sign in: the account %s of %r has the user name %r.",
        realm,
        holder.id,
        holder.realm,
        holder.username,
    )
    return invalid_grant(
        _(
            "Another account here already has this user name. Please contact the operator of "
            "this service."
        )
    )
