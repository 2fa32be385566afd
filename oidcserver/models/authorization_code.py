"""Authorization codes (RFC 6749 section 4.1): single use, decided by one statement."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ForeignKey, String, bindparam, select, update
from sqlalchemy.orm import Mapped, mapped_column

from oidcserver.credentials import digest
from oidcserver.database import AtomicWrite, Read, Statements
from oidcserver.models.authorization import Authorization, AuthorizationRecord
from oidcserver.models.base import Base, ClientIdentifier, Digest, Time, Words
from oidcserver.models.user import User, UserRecord


@dataclass(frozen=True, slots=True)
class AuthorizationCodeRecord:
    """A row of :class:`AuthorizationCode`."""

    authorization_id: str
    client_id: str
    redirect_uri: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    expires_at: int
    used_at: int | None


class AuthorizationCode(Base):
    """A code by its digest. It is kept as long as its authorization, so that reuse is noticed."""

    __tablename__ = "authorization_code"
    __record__ = AuthorizationCodeRecord

    code_digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    authorization_id: Mapped[str] = mapped_column(
        ForeignKey("authorization.id", ondelete="CASCADE"), index=True
    )
    client_id: Mapped[str] = mapped_column(ClientIdentifier)
    #: None if the request had no redirect_uri (RFC 6749 section 4.1.3).
    redirect_uri: Mapped[str | None] = mapped_column(Words)
    code_challenge: Mapped[str | None] = mapped_column(String(128))
    code_challenge_method: Mapped[str | None] = mapped_column(String(16))
    expires_at: Mapped[int] = mapped_column(Time)
    used_at: Mapped[int | None] = mapped_column(Time)


_BY_DIGEST = Read(
    select(AuthorizationCode, Authorization, User)
    .join(Authorization, Authorization.id == AuthorizationCode.authorization_id)
    .join(User, User.id == Authorization.user_id)
    .where(AuthorizationCode.code_digest == bindparam("digest"))
)


class FoundAuthorizationCode(NamedTuple):
    """A code with its authorization and user."""

    code: AuthorizationCodeRecord
    authorization: AuthorizationRecord
    user: UserRecord


def find_authorization_code(database: Statements, code: str) -> FoundAuthorizationCode | None:
    """Return a code, used or not, expired or not, with its authorization and user."""
    row = database.read(_BY_DIGEST, digest=digest(code))
    return None if row is None else FoundAuthorizationCode(*row)


_USE: Any = (
    update(AuthorizationCode)
    .where(
        AuthorizationCode.code_digest == bindparam("digest"),
        AuthorizationCode.client_id == bindparam("client"),
        AuthorizationCode.used_at.is_(None),
        AuthorizationCode.expires_at > bindparam("now"),
    )
    .values(used_at=bindparam("now"))
    .returning(AuthorizationCode.code_digest)
)
#: Takes ``digest``, ``client`` and ``now``.
REDEEM = AtomicWrite(_USE)
