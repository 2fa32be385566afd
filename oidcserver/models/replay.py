"""Replay guards: identifiers that may be seen once while they are valid."""

from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver.credentials import digest
from oidcserver.database.statements import insert_once
from oidcserver.models.base import Base, Digest, Time


class UsedIdentifier(Base):
    """A ``jti`` that was used, by the digest of its kind, its issuer and itself."""

    __tablename__ = "used_identifier"

    identifier_digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    expires_at: Mapped[int] = mapped_column(Time, index=True)


def use_identifier(dbsession: Session, kind: str, issuer: str, jti: str, expires_at: int) -> bool:
    """Use an identifier up. Of several who try at once, one gets True."""
    key = digest("\n".join((kind, issuer, jti)))
    return insert_once(dbsession, UsedIdentifier, identifier_digest=key, expires_at=expires_at)
