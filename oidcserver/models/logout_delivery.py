"""The outbox of back-channel logout: what clients are still to be told."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ForeignKey, String, Text, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import new_identifier
from oidcserver.models.base import Base, Identifier, Time


class LogoutDelivery(Base):
    """A logout that one client is to hear of (OpenID Connect Back-Channel Logout section 2.5).

    Written with the end of the session; the token is made anew at each attempt.
    """

    __tablename__ = "logout_delivery"

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, default=new_identifier)
    client_id: Mapped[str] = mapped_column(
        ForeignKey("client.client_id", ondelete="CASCADE"), index=True
    )
    subject: Mapped[str] = mapped_column(String(255))
    session_id: Mapped[str] = mapped_column(Identifier)
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    #: When it is given up.
    expires_at: Mapped[int] = mapped_column(Time, index=True)
    #: When it is due; a process that delivers it moves this ahead first, and so claims it.
    next_attempt_at: Mapped[int] = mapped_column(Time, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    #: When the client took it, or refused it for good.
    ended_at: Mapped[int | None] = mapped_column(Time)
    problem: Mapped[str] = mapped_column(Text, default="")


def claim_logout_delivery(
    dbsession: Session, lease: int, passing_over: Collection[str] = ()
) -> LogoutDelivery | None:
    """Take the delivery that has been due for longest; None where none is due.

    Of several who try at once, one gets it. If that one dies, it is due again.

    :param lease: for how many seconds nobody else gets it.
    :param passing_over: the clients whose deliveries are left alone.
    """
    now = clock.now()
    due = (
        LogoutDelivery.ended_at.is_(None),
        LogoutDelivery.next_attempt_at <= now,
        LogoutDelivery.expires_at > now,
        LogoutDelivery.client_id.not_in(passing_over),
    )
    first = (
        select(LogoutDelivery.id)
        .where(*due)
        .order_by(LogoutDelivery.next_attempt_at, LogoutDelivery.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(LogoutDelivery)
        .where(LogoutDelivery.id == first.scalar_subquery(), *due)
        .values(next_attempt_at=now + lease, attempts=LogoutDelivery.attempts + 1)
        .returning(LogoutDelivery)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalars(statement).one_or_none()


def end_logout_delivery(dbsession: Session, delivery: LogoutDelivery, problem: str = "") -> bool:
    """Note that a client took a logout, or why it never will; False if another has the claim."""
    return _settle(dbsession, delivery, ended_at=clock.now(), problem=problem)


def postpone_logout_delivery(
    dbsession: Session, delivery: LogoutDelivery, next_attempt_at: int, problem: str
) -> bool:
    """Note why an attempt failed, and when the next one is due; False if another has the claim."""
    return _settle(dbsession, delivery, next_attempt_at=next_attempt_at, problem=problem)


def _settle(dbsession: Session, delivery: LogoutDelivery, **columns: Any) -> bool:
    statement = (
        update(LogoutDelivery)
        .where(
            LogoutDelivery.id == delivery.id,
            LogoutDelivery.ended_at.is_(None),
            # Each claim counts one up: whoever came too late settles nothing.
            LogoutDelivery.attempts == delivery.attempts,
        )
        .values(**columns)
        .returning(LogoutDelivery.id)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalars(statement).one_or_none() is not None
