"""Deliveries: the columns and statements that the tables of the outbox share."""

from typing import Any, TypeVar

from sqlalchemy import ForeignKey, Text, select, update
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column, relationship

from oidcserver import clock
from oidcserver.credentials import new_identifier
from oidcserver.models.base import Identifier, Time
from oidcserver.models.client import Client


class Delivery:
    """The columns of a message that is sent after its transaction.

    It is written in the transaction of the event that it reports, so it is sent only if that was
    committed.
    """

    __tablename__: str

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, default=new_identifier)
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    #: The time of the last attempt at the latest.
    expires_at: Mapped[int] = mapped_column(Time, index=True)
    #: The time at which it is due. A process claims the delivery by moving this time ahead.
    next_attempt_at: Mapped[int] = mapped_column(Time, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    #: When it was accepted, or rejected finally.
    ended_at: Mapped[int | None] = mapped_column(Time)
    problem: Mapped[str] = mapped_column(Text, default="")


class ClientDelivery(Delivery):
    """The columns of a message that one client has to get."""

    client_id: Mapped[str] = mapped_column(
        ForeignKey("client.client_id", ondelete="CASCADE"), index=True
    )

    @declared_attr
    @classmethod
    def client(cls) -> Mapped[Client]:
        """The client."""
        return relationship()


D = TypeVar("D", bound=Delivery)


def claim_delivery(dbsession: Session, model: type[D], lease: int, *which: Any) -> D | None:
    """Claim the delivery of a table that has been due for longest; None if none is due.

    It may have expired, so that the log says that it was not delivered.

    Of several processes at once, one gets it. If that process dies, it is due again.

    :param lease: seconds in which no other process gets it.
    :param which: further conditions.
    """
    now = clock.now()
    due = (model.ended_at.is_(None), model.next_attempt_at <= now, *which)
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


def end_delivery(dbsession: Session, delivery: Delivery, problem: str = "", **columns: Any) -> bool:
    """Record that a delivery was accepted, or why it never will be; False without the claim.

    :param columns: further columns of the ended row.
    """
    return _settle(dbsession, delivery, ended_at=clock.now(), problem=problem, **columns)


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
