"""What must be remembered of access tokens, which are sealed and not stored: revocations."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver.models.authorization import Authorization
from oidcserver.models.base import Base, Identifier, Time
from oidcserver.models.client import Client
from oidcserver.models.insertion import insert_once
from oidcserver.models.user import User


class RevokedAccessToken(Base):
    """An access token that was revoked by itself and has not expired."""

    __tablename__ = "revoked_access_token"

    token_id: Mapped[str] = mapped_column(Identifier, primary_key=True)
    expires_at: Mapped[int] = mapped_column(Time, index=True)


def revoke_access_token(dbsession: Session, token_id: str, expires_at: int) -> None:
    """Remember that a token is revoked until it would have expired; again is no error."""
    insert_once(dbsession, RevokedAccessToken, token_id=token_id, expires_at=expires_at)


def is_access_token_live(
    dbsession: Session, token_id: str, client_id: str, authorization_id: str | None
) -> bool:
    """Say in one statement whether a token was not revoked, nor what it rests on."""
    revoked = exists().where(RevokedAccessToken.token_id == token_id)
    if authorization_id is None:
        statement = select(Client.client_id).where(Client.client_id == client_id, ~revoked)
    else:
        statement = (
            select(Authorization.id)
            .join(User, User.id == Authorization.user_id)
            .where(
                Authorization.id == authorization_id,
                Authorization.client_id == client_id,
                Authorization.revoked_at.is_(None),
                User.disabled_at.is_(None),
                ~revoked,
            )
        )
    return dbsession.scalar(statement) is not None
