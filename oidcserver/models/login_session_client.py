"""Which clients took part in a login session, so that they hear of its end."""

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from oidcserver.models.base import Base


class LoginSessionClient(Base):
    """A client that got an answer under a login session, and the subject it knows."""

    __tablename__ = "login_session_client"

    session_id: Mapped[str] = mapped_column(
        ForeignKey("login_session.id", ondelete="CASCADE"), primary_key=True
    )
    client_id: Mapped[str] = mapped_column(
        ForeignKey("client.client_id", ondelete="CASCADE"), primary_key=True, index=True
    )
    subject: Mapped[str] = mapped_column(String(255))
