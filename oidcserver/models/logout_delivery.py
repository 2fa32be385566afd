"""The outbox of back-channel logout: the logout tokens that are still to be delivered."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ForeignKey, String, Text, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import new_identifier
from oidcserver.models.base import Base, Identifier, Time


class LogoutDelivery(Base):
    """A logout that one client has to be told of (Back-Channel Logout section 2.5).

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
    #: The time of the last attempt at the latest.
    expires_at: Mapped[int] = mapped_column(Time, index=True)
    #: The time at which it is due. A process claims the delivery by moving this time ahead.
    next_attempt_at: Mapped[int] = mapped_column(Time, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    #: When the client accepted it, or rejected it finally.
    ended_at: Mapped[int | None] = mapped_column(Time)
    problem: Mapped[str] = mapped_column(Text, default="")


def claim_logout_delivery(
    dbsession: Session, lease: int, passing_over: Collection[str] = ()
) -> LogoutDelivery | None:
    """Claim the delivery that has been due for longest; None if none is due.

    Of several processes at once, one gets it. If that process dies, it is due again.

    :param lease: seconds in which no other process gets it.
    :param passing_over: the clients whose deliveries are skipped.
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
    """Record that a client accepted a logout, or why it never will; False without the claim."""
    return _settle(dbsession, delivery, ended_at=clock.now(), problem=problem)


def postpone_logout_delivery(
    dbsession: Session, delivery: LogoutDelivery, next_attempt_at: int, problem: str
) -> bool:
    """Record why an attempt failed and when the next is due; return False without the claim."""
    return _settle(dbsession, delivery, next_attempt_at=next_attempt_at, problem=problem)


def _settle(dbsession: Session, delivery: LogoutDelivery, **columns: Any) -> bool:
    statement = (
        update(LogoutDelivery)
        .where(
            LogoutDelivery.id == delivery.id,
            LogoutDelivery.ended_at.is_(None),
            # Each claim increments the count, so a process that is too late settles nothing.
            LogoutDelivery.attempts == delivery.attempts,
        )
        .values(**columns)
        .returning(LogoutDelivery.id)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalars(statement).one_or_none() is not None
