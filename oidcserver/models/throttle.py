"""Counters of attempts, by the key that is limited."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from oidcserver.models.base import Base, Digest, Time


class Throttle(Base):
    """The attempts of one key in one window of time."""

    __tablename__ = "throttle"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    #: The digest of a text that several keys share, such as a user name.
    whose: Mapped[str | None] = mapped_column(Digest, index=True)
    hits: Mapped[int] = mapped_column(default=0)
    window_started_at: Mapped[int] = mapped_column(Time, index=True)
    blocked_until: Mapped[int] = mapped_column(Time, default=0)
