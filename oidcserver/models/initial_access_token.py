"""Initial access tokens: who may register a client (RFC 7591 section 3)."""

from typing import Any

from sqlalchemy import String, and_, bindparam, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from oidcserver import clock
from oidcserver.credentials import digest, new_identifier
from oidcserver.database import AtomicWrite, Read, Statements
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


_USABLE = and_(
    InitialAccessToken.token_digest == bindparam("initial_token"),
    InitialAccessToken.revoked_at.is_(None),
    InitialAccessToken.expires_at > bindparam("initial_token_now"),
    or_(InitialAccessToken.uses_left.is_(None), InitialAccessToken.uses_left > 0),
)
_FIND = Read(select(InitialAccessToken.id).where(_USABLE))
#: Uses a token once more. Of several at once, it decides for as many as uses are left. It takes the
#: values of :func:`use`.
USE = AtomicWrite(
    update(InitialAccessToken)
    .where(_USABLE)
    .values(uses_left=InitialAccessToken.uses_left - 1)
    .returning(InitialAccessToken.id)
)


def use(token: str) -> dict[str, Any]:
    """Return the values of ``USE``."""
    return {"initial_token": digest(token), "initial_token_now": clock.now()}


def find_initial_access_token(database: Statements, token: str) -> str | None:
    """Return the identifier of a token that may be used now."""
    row = database.read(_FIND, **use(token))
    return None if row is None else str(row[0])
