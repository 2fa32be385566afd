"""The recent activity of accounts, for their users."""

import time
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ForeignKey, Index, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import new_identifier
from oidcserver.database import AtomicWrite, NewRow, Statements
from oidcserver.database.writes import insert_deciding
from oidcserver.models.base import Base, Identifier, Json, Time, Words


def _identifier_in_order() -> str:
    """Return an identifier that is greater than those before it: rows of a second have an order."""
    return f"{time.time_ns():016x}{new_identifier()}"


class Activity(Base):
    """One event of an account: a sign-in, a failed try, a change.

    A failed try for a name that no account has leaves a row without an account, so that both take
    the same time.
    """

    __tablename__ = "activity"
    __table_args__ = (Index("ix_activity_user_id_occurred_at", "user_id", "occurred_at"),)

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, default=_identifier_in_order)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    occurred_at: Mapped[int] = mapped_column(Time, default=clock.now, index=True)
    #: The name of the event (:class:`oidcserver.oauth.events.OAuthEvent`).
    event: Mapped[str] = mapped_column(String(40))
    details: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    user_agent: Mapped[str] = mapped_column(Words, default="")
    remote_address: Mapped[str] = mapped_column(String(64), default="")


_RECORD = AtomicWrite(insert_deciding(Activity))


def record_activity(database: Statements, **columns: Any) -> None:
    """Write a row."""
    database.write(_RECORD, **NewRow(Activity, **columns).values)


def latest_activity(
    dbsession: Session, user_id: str, events: Collection[str], most: int
) -> Sequence[Activity]:
    """Return the latest rows of an account with one of these events, the latest first."""
    own = select(Activity).where(Activity.user_id == user_id, Activity.event.in_(events))
    latest = own.order_by(Activity.occurred_at.desc(), Activity.id.desc()).limit(most)
    return dbsession.scalars(latest).all()


def activity_of(dbsession: Session, user_id: str) -> Sequence[Activity]:
    """Return all rows of an account, the oldest first."""
    own = select(Activity).where(Activity.user_id == user_id)
    return dbsession.scalars(own.order_by(Activity.occurred_at, Activity.id)).all()
