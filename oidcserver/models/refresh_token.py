"""Refresh tokens: rotation, reuse, and the window in which a lost answer may be asked again."""

from sqlalchemy import ForeignKey, String, Text, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import digest
from oidcserver.models.base import Base, Digest, Time, Words


class RefreshToken(Base):
    """A refresh token by its digest.

    ``successor_sealed`` holds the next token, encrypted under a key derived from this one: the
    row alone yields nothing.
    """

    __tablename__ = "refresh_token"

    token_digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    authorization_id: Mapped[str] = mapped_column(
        ForeignKey("authorization.id", ondelete="CASCADE"), index=True
    )
    client_id: Mapped[str] = mapped_column(String(64))
    scope: Mapped[str] = mapped_column(Words, default="")
    issued_at: Mapped[int] = mapped_column(Time, default=clock.now)
    #: The end of idleness or of the family, whichever comes first.
    expires_at: Mapped[int] = mapped_column(Time, index=True)
    #: The end of the family, handed from one token to the next.
    family_expires_at: Mapped[int] = mapped_column(Time)
    used_at: Mapped[int | None] = mapped_column(Time)
    successor_sealed: Mapped[str | None] = mapped_column(Text)


def find_refresh_token(dbsession: Session, refresh_token: str) -> RefreshToken | None:
    """Return the row of a refresh token, used or not, expired or not."""
    statement = select(RefreshToken).where(RefreshToken.token_digest == digest(refresh_token))
    return dbsession.scalars(statement).one_or_none()


def rotate_refresh_token(
    dbsession: Session, refresh_token: str, client_id: str, successor_sealed: str
) -> bool:
    """Use up a live refresh token of this client. Of several who try at once, one gets True."""
    now = clock.now()
    statement = (
        update(RefreshToken)
        .where(
            RefreshToken.token_digest == digest(refresh_token),
            RefreshToken.client_id == client_id,
            RefreshToken.used_at.is_(None),
            RefreshToken.expires_at > now,
        )
        .values(used_at=now, successor_sealed=successor_sealed)
        .returning(RefreshToken.token_digest)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalars(statement).one_or_none() is not None
