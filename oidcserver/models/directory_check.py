"""The accounts of a directory that it is asked about again."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from oidcserver.models.authorization import Authorization
from oidcserver.models.login_session import LoginSession
from oidcserver.models.user import User


class ClaimedAccount(NamedTuple):
    """An account that one process asks the directory about."""

    id: str
    external_id: str
    #: Whether the directory did not let the user sign in when it was last asked.
    has_left: bool


def claim_accounts(
    dbsession: Session, realm: str, before: int, now: int, most: int
) -> list[ClaimedAccount]:
    """Claim the accounts of a realm that were not checked since a time.

    They have sessions or tokens, or their users had left and may be there again.
    """
    signed_in = select(LoginSession.user_id).where(
        LoginSession.ended_at.is_(None), LoginSession.expires_at > now
    )
    with_access = select(Authorization.user_id).where(
        Authorization.revoked_at.is_(None), Authorization.expires_at > now
    )
    due = (
        select(User.id)
        .where(
            User.realm == realm,
            User.disabled_at.is_(None),
            or_(User.checked_at.is_(None), User.checked_at < before),
            or_(User.left_at.is_not(None), User.id.in_(signed_in.union(with_access))),
        )
        .order_by(User.checked_at)
        .limit(most)
        .with_for_update(skip_locked=True, of=User)
    )
    claiming = (
        update(User)
        .where(User.id.in_(due))
        .values(checked_at=now, updated_at=User.updated_at)
        .returning(User.id, User.external_id, User.left_at)
        .execution_options(synchronize_session=False)
    )
    rows = dbsession.execute(claiming)
    return [ClaimedAccount(row.id, row.external_id, row.left_at is not None) for row in rows]


def give_back_accounts(dbsession: Session, ids: Collection[str]) -> None:
    """Let accounts be checked again that the directory could not tell of."""
    dbsession.execute(
        update(User)
        .where(User.id.in_(ids))
        .values(checked_at=None, updated_at=User.updated_at)
        .execution_options(synchronize_session=False)
    )
