"""Rejections by their reference, which tell the operator why a request was rejected."""

from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from oidcserver import clock
from oidcserver.database import AtomicWrite, NewRow, Statements
from oidcserver.database.writes import insert_deciding
from oidcserver.models.base import Base, Json, Time, Words


class RecordedRejection(Base):
    """A rejection that was shown with a reference. It holds no usable credential."""

    __tablename__ = "rejection"

    reference: Mapped[str] = mapped_column(String(16), primary_key=True)
    created_at: Mapped[int] = mapped_column(Time, default=clock.now, index=True)
    endpoint: Mapped[str] = mapped_column(String(64), default="")
    client_id: Mapped[str | None] = mapped_column(Words)
    error: Mapped[str] = mapped_column(String(64))
    description: Mapped[str] = mapped_column(Words, default="")
    rule: Mapped[str] = mapped_column(Words, default="")
    received: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


_STORE = AtomicWrite(insert_deciding(RecordedRejection))


def store_rejection(database: Statements, **columns: Any) -> None:
    """Write a rejection."""
    database.write(_STORE, **NewRow(RecordedRejection, **columns).values)
