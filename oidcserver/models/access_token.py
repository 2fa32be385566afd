"""Revocations of access tokens, which are sealed and not stored."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, exists, select
from sqlalchemy.orm import Mapped, mapped_column

from oidcserver.database import AtomicWrite, NewRow, Read, Statements
from oidcserver.database.writes import insert_if_new
from oidcserver.models.authorization import Authorization, AuthorizationRecord
from oidcserver.models.base import Base, Identifier, Time
from oidcserver.models.client import Client, ClientRecord
from oidcserver.models.user import User, UserRecord


class RevokedAccessToken(Base):
    """An access token that was revoked on its own and has not expired."""

    __tablename__ = "revoked_access_token"

    token_id: Mapped[str] = mapped_column(Identifier, primary_key=True)
    expires_at: Mapped[int] = mapped_column(Time, index=True)


@dataclass(frozen=True, slots=True)
class Bearer:
    """The client and, except for client_credentials tokens, the authorization and user behind a
    live access token. The authorization of an exchanged token is that of another client."""

    client: ClientRecord
    authorization: AuthorizationRecord | None = None
    user: UserRecord | None = None


#: Takes the values of :func:`revoked`; decides against where it was revoked before.
REVOKE = AtomicWrite(insert_if_new(RevokedAccessToken))


def revoked(token_id: str, expires_at: int) -> dict[str, Any]:
    """Return the values of ``REVOKE``. The row is kept until the token would have expired."""
    return NewRow(RevokedAccessToken, token_id=token_id, expires_at=expires_at).values


def _unless_revoked(statement: Any) -> Select[Any]:
    revoked = exists().where(RevokedAccessToken.token_id == bindparam("token_id"))
    unless: Select[Any] = statement.where(Client.client_id == bindparam("client_id"), ~revoked)
    return unless


_CLIENT = Read(_unless_revoked(select(Client)), together=True)
_CLIENT_AND_USER = Read(
    _unless_revoked(
        select(Client, Authorization, User).where(
            Authorization.id == bindparam("authorization_id"),
            User.id == Authorization.user_id,
            Authorization.revoked_at.is_(None),
            User.may_sign_in,
        )
    ),
    together=True,
)


def find_bearer(
    database: Statements, token_id: str, client_id: str, authorization_id: str | None
) -> Bearer | None:
    """Return the client, authorization and user of an access token, read in one statement.

    None if the token was revoked or any of them has ended.
    """
    if authorization_id is None:
        row = database.read(_CLIENT, token_id=token_id, client_id=client_id)
    else:
        row = database.read(
            _CLIENT_AND_USER,
            token_id=token_id,
            client_id=client_id,
            authorization_id=authorization_id,
        )
    return None if row is None else Bearer(*row)
