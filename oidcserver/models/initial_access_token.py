"""Initial access tokens: who may register a client (RFC 7591 section 3)."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from oidcserver import clock
from oidcserver.credentials import new_identifier
from oidcserver.models.base import Base, Digest, Identifier, Time


class InitialAccessToken(Base):
    """A token for the registration endpoint. ``uses_left`` None is without a limit."""

    __tablename__ = "initial_access_token"

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, default=new_identifier)
    token_digest: Mapped[str] = mapped_column(Digest, unique=True)
    name: Mapped[str] = mapped_column(String(255), default="")
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    expires_at: Mapped[int] = mapped_column(Time, index=True)
    uses_left: Mapped[int | None]
    revoked_at: Mapped[int | None] = mapped_column(Time)
