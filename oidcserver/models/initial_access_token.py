"""Initial access tokens: who may register a client (RFC 7591 section 3)."""

from sqlalchemy import ColumnElement, String, and_, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import digest, new_identifier
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


def find_initial_access_token(dbsession: Session, token: str) -> InitialAccessToken | None:
    """Return the row of a token that may be used now."""
    statement = select(InitialAccessToken).where(_usable(token))
    return dbsession.scalars(statement).one_or_none()


def use_initial_access_token(dbsession: Session, token: str) -> bool:
    """Use a token once more. Of several who try at once, as many get True as uses are left."""
    statement = (
        update(InitialAccessToken)
        .where(_usable(token))
        .values(uses_left=InitialAccessToken.uses_left - 1)
        .returning(InitialAccessToken.id)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalars(statement).one_or_none() is not None


def _usable(token: str) -> ColumnElement[bool]:
    return and_(
        InitialAccessToken.token_digest == digest(token),
        InitialAccessToken.revoked_at.is_(None),
        InitialAccessToken.expires_at > clock.now(),
        or_(InitialAccessToken.uses_left.is_(None), InitialAccessToken.uses_left > 0),
    )
