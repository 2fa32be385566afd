"""Refresh tokens: rotation, reuse, and the window for repeating a lost answer."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ForeignKey, Text, and_, bindparam, select, update
from sqlalchemy.orm import Mapped, mapped_column

from oidcserver import clock
from oidcserver.credentials import digest
from oidcserver.database import AtomicWrite, NewRow, Read, Statements, inserting
from oidcserver.models.authorization import Authorization, AuthorizationRecord, extending, extension
from oidcserver.models.base import Base, ClientIdentifier, Digest, Json, Time, Words
from oidcserver.models.login_session import LoginSession
from oidcserver.models.user import User, UserRecord


@dataclass(frozen=True, slots=True)
class RefreshTokenRecord:
    """A row of :class:`RefreshToken`."""

    authorization_id: str
    client_id: str
    scope: str
    confirmation: dict[str, Any] | None
    issued_at: int
    expires_at: int
    family_expires_at: int
    used_at: int | None
    successor_sealed: str | None


class RefreshToken(Base):
    """A refresh token by its digest.

    ``successor_sealed`` holds the next token, encrypted under a key derived from this one: the
    row alone yields nothing.
    """

    __tablename__ = "refresh_token"
    __record__ = RefreshTokenRecord

    token_digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    authorization_id: Mapped[str] = mapped_column(
        ForeignKey("authorization.id", ondelete="CASCADE"), index=True
    )
    client_id: Mapped[str] = mapped_column(ClientIdentifier)
    scope: Mapped[str] = mapped_column(Words, default="")
    #: The key that the token of a public client is bound to.
    confirmation: Mapped[dict[str, Any] | None] = mapped_column(Json)
    #: Or when one that is not rotated was renewed.
    issued_at: Mapped[int] = mapped_column(Time, default=clock.now)
    #: The end of idleness or of the family, whichever comes first.
    expires_at: Mapped[int] = mapped_column(Time, index=True)
    #: The end of the family, handed from one token to the next.
    family_expires_at: Mapped[int] = mapped_column(Time)
    used_at: Mapped[int | None] = mapped_column(Time)
    successor_sealed: Mapped[str | None] = mapped_column(Text)


class FoundRefreshToken(NamedTuple):
    """A refresh token with its authorization, user and session."""

    token: RefreshTokenRecord
    authorization: AuthorizationRecord
    user: UserRecord
    #: Of the login session, both None where it has ended or is not known any more.
    session_seen_at: int | None
    session_expires_at: int | None

    def session_is_alive(self, now: int, idle_seconds: int) -> bool:
        """Whether the login session in which the user allowed this is still open."""
        seen_at, expires_at = self.session_seen_at, self.session_expires_at
        if seen_at is None or expires_at is None:
            return False
        return expires_at > now and seen_at > now - idle_seconds


_BY_DIGEST = Read(
    select(RefreshToken, Authorization, User, LoginSession.last_seen_at, LoginSession.expires_at)
    .join(Authorization, Authorization.id == RefreshToken.authorization_id)
    .join(User, User.id == Authorization.user_id)
    .outerjoin(
        LoginSession,
        and_(LoginSession.id == Authorization.session_id, LoginSession.ended_at.is_(None)),
    )
    .where(RefreshToken.token_digest == bindparam("digest"))
)


def find_refresh_token(database: Statements, refresh_token: str) -> FoundRefreshToken | None:
    """Return a token, used or not, expired or not, with its authorization, user and session."""
    row = database.read(_BY_DIGEST, digest=digest(refresh_token))
    return None if row is None else FoundRefreshToken(*row)


#: Takes ``digest``, ``client``, ``now`` and ``sealed``, and what a new refresh token takes.
ROTATE = AtomicWrite(
    update(RefreshToken)
    .where(
        RefreshToken.token_digest == bindparam("digest"),
        RefreshToken.client_id == bindparam("client"),
        RefreshToken.used_at.is_(None),
        RefreshToken.expires_at > bindparam("now"),
    )
    .values(used_at=bindparam("now"), successor_sealed=bindparam("sealed"))
    .returning(RefreshToken.token_digest),
    inserting(RefreshToken),
    extending,
)


#: Lets a token that is not rotated live longer. It takes ``digest``, ``client``, ``now`` and
#: ``renewed_until``, and the values of ``extension``.
RENEW = AtomicWrite(
    update(RefreshToken)
    .where(
        RefreshToken.token_digest == bindparam("digest"),
        RefreshToken.client_id == bindparam("client"),
        RefreshToken.used_at.is_(None),
        RefreshToken.expires_at > bindparam("now"),
    )
    .values(issued_at=bindparam("now"), expires_at=bindparam("renewed_until"))
    .returning(RefreshToken.token_digest),
    extending,
)


def new_refresh_token(
    refresh_token: str, authorization: AuthorizationRecord, *, lives_until: int, **columns: Any
) -> dict[str, Any]:
    """Return the values of what writes a refresh token: ``inserting(RefreshToken), extending``.

    :param lives_until: when nothing that it gives is alive any more, in seconds since the epoch:
        so long its authorization stays.
    """
    row = NewRow(
        RefreshToken,
        token_digest=digest(refresh_token),
        authorization_id=authorization.id,
        client_id=authorization.client_id,
        **columns,
    )
    return {**row.values, **extension(authorization.id, lives_until)}
