"""Replay guards: identifiers that may be used once while they are valid."""

from sqlalchemy.orm import Mapped, mapped_column

from oidcserver.credentials import digest
from oidcserver.database import AtomicWrite, NewRow, Statements
from oidcserver.database.writes import insert_if_new
from oidcserver.models.base import Base, Digest, Time


class UsedIdentifier(Base):
    """A ``jti`` that was used, by the digest of its kind, its issuer and itself."""

    __tablename__ = "used_identifier"

    identifier_digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    expires_at: Mapped[int] = mapped_column(Time, index=True)


_USE = AtomicWrite(insert_if_new(UsedIdentifier))


def use_identifier(database: Statements, kind: str, issuer: str, jti: str, expires_at: int) -> bool:
    """Use an identifier up. Of several who try at once, one gets True."""
    key = digest("\n".join((kind, issuer, jti)))
    row = NewRow(UsedIdentifier, identifier_digest=key, expires_at=expires_at)
    return database.write(_USE, **row.values)
