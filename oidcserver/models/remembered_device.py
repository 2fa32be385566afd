"""Browsers in which a user does not want to be asked for the second factor each time."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import digest, new_identifier
from oidcserver.models.base import Base, Digest, Identifier, Time, Words
from oidcserver.models.user import User


class RememberedDevice(Base):
    """A user has proven the second factor in a browser, whose cookie holds the token.

    It counts while the account is of the same generation: the end of all sessions of the user ends
    it. Users of one browser share its token.
    """

    __tablename__ = "remembered_device"
    __table_args__ = (UniqueConstraint("token_digest", "user_id"),)

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, default=new_identifier)
    token_digest: Mapped[str] = mapped_column(Digest)
    user_id: Mapped[str] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), index=True
    )
    #: Of the account, when the second factor was proven.
    generation: Mapped[int] = mapped_column()
    user_agent: Mapped[str] = mapped_column(Words, default="")
    remote_address: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    last_used_at: Mapped[int | None] = mapped_column(Time)
    expires_at: Mapped[int] = mapped_column(Time, index=True)


def _live(user: Any) -> tuple[Any, ...]:
    return (
        RememberedDevice.user_id == user.id,
        RememberedDevice.generation == select(User.generation).where(User.id == user.id)
        .scalar_subquery(),
        RememberedDevice.expires_at > clock.now(),
    )  # fmt: skip


def use_device(dbsession: Session, user: Any, token: str) -> bool:
    """Note the use of a device; return False if it is not one of the user's.

    :param user: an account (:class:`oidcserver.interfaces.User`).
    """
    statement = (
        update(RememberedDevice)
        .where(RememberedDevice.token_digest == digest(token), *_live(user))
        .values(last_used_at=clock.now())
        .returning(RememberedDevice.id)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalar(statement) is not None


def replace_token(dbsession: Session, old: str, new: str) -> None:
    """Give the rows of a browser the digest of another token."""
    dbsession.execute(
        update(RememberedDevice)
        .where(RememberedDevice.token_digest == digest(old))
        .values(token_digest=digest(new))
        .execution_options(synchronize_session=False)
    )


def devices_of(dbsession: Session, user: Any) -> Sequence[RememberedDevice]:
    """Return the devices of a user that count, the latest first."""
    own = select(RememberedDevice).where(*_live(user))
    return dbsession.scalars(own.order_by(RememberedDevice.created_at.desc())).all()


def forget_devices(dbsession: Session, user_id: str, *which: Any) -> int:
    """Forget the devices of a user that meet the conditions, by default all; return how many."""
    statement = (
        delete(RememberedDevice)
        .where(RememberedDevice.user_id == user_id, *which)
        .returning(RememberedDevice.id)
        .execution_options(synchronize_session=False)
    )
    return len(dbsession.scalars(statement).all())
