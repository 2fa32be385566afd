"""The outbox of back-channel logout: what clients are still to be told."""

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

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
