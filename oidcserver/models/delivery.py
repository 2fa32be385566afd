"""Deliveries to hosts of clients: the columns and statements that tables of the outbox share."""

from collections.abc import Collection
from typing import Any, TypeVar

from sqlalchemy import ForeignKey, Text, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import new_identifier
from oidcserver.models.base import Identifier, Time


class Delivery:
    """The columns of a message that one client has to get.

    It is written in the transaction of the event that it reports, so it is sent only if that was
    committed.
    """

    __tablename__: str

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, default=new_identifier)
    client_id: Mapped[str] = mapped_column(
        ForeignKey("client.client_id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    #: The time of the last attempt at the latest.
    expires_at: Mapped[int] = mapped_column(Time, index=True)
    #: The time at which it is due. A process claims the delivery by moving this time ahead.
    next_attempt_at: Mapped[int] = mapped_column(Time, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    #: When the client accepted it, or rejected it finally.
    ended_at: Mapped[int | None] = mapped_column(Time)
    problem: Mapped[str] = mapped_column(Text, default="")


D = TypeVar("D", bound=Delivery)


def claim_delivery(
    dbsession: Session, model: type[D], lease: int, passing_over: Collection[str] = ()
) -> D | None:
    """Claim the delivery of a table that has been due for longest; None if none is due.

    It may have expired, so that the log says that it was not delivered.

    Of several processes at once, one gets it. If that process dies, it is due again.

    :param lease: seconds in which no other process gets it.
    :param passing_over: the clients whose deliveries are skipped.
    """
    now = clock.now()
    due = (
        model.ended_at.is_(None),
        model.next_attempt_at <= now,
        model.client_id.not_in(passing_over),
    )
    first = (
        select(model.id)
        .where(*due)
        .order_by(model.next_attempt_at, model.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(model)
        .where(model.id == first.scalar_subquery(), *due)
        .values(next_attempt_at=now + lease, attempts=model.attempts + 1)
        .returning(model)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalars(statement).one_or_none()


def end_delivery(dbsession: Session, delivery: Delivery, problem: str = "") -> bool:
    """Record that a client accepted a delivery, or why it never will; False without the claim."""
    return _settle(dbsession, delivery, ended_at=clock.now(), problem=problem)


def postpone_delivery(
    dbsession: Session, delivery: Delivery, next_attempt_at: int, problem: str
) -> bool:
    """Record why an attempt failed and when the next is due; return False without the claim."""
    return _settle(dbsession, delivery, next_attempt_at=next_attempt_at, problem=problem)


def _settle(dbsession: Session, delivery: Delivery, **columns: Any) -> bool:
    model = type(delivery)
    statement = (
        update(model)
        .where(
            model.id == delivery.id,
            model.ended_at.is_(None),
            # Each claim increments the count, so a process that is too late settles nothing.
            model.attempts == delivery.attempts,
        )
        .values(**columns)
        .returning(model.id)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalars(statement).one_or_none() is not None
