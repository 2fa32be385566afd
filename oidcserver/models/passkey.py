"""Passkeys of users (Web Authentication level 3)."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, ForeignKey, String, Text, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.models.base import Base, Time, Words

#: The longest credential identifier in bytes (section 4, credential ID), as base64url.
MAX_CREDENTIAL_ID = 1364


class Passkey(Base):
    """The public key of one authenticator or of one account that synchronises keys."""

    __tablename__ = "passkey"

    #: base64url of the credential identifier.
    credential_id: Mapped[str] = mapped_column(String(MAX_CREDENTIAL_ID), primary_key=True)
    user_id: Mapped[str] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), index=True
    )
    #: base64url of the attested credential data (section 6.5.1).
    public_key: Mapped[str] = mapped_column(Text)
    #: The name that the user gave it.
    name: Mapped[str] = mapped_column(Words)
    #: Whether it may exist on several devices; its counter tells nothing then.
    synchronised: Mapped[bool] = mapped_column()
    sign_count: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    last_used_at: Mapped[int | None] = mapped_column(Time)
    #: When it was refused, because its counter did not grow: there may be a copy.
    refused_at: Mapped[int | None] = mapped_column(Time)


def passkeys_of(dbsession: Session, user_id: str) -> Sequence[Passkey]:
    """Return the passkeys of a user, the oldest first."""
    own = select(Passkey).where(Passkey.user_id == user_id)
    return dbsession.scalars(own.order_by(Passkey.created_at, Passkey.credential_id)).all()


def note_use(dbsession: Session, passkey: Passkey, sign_count: int) -> bool:
    """Store the counter of an authenticator; return False if it is that of a copy (section 6.1.1).

    The counter of a synchronised passkey is stored and not compared.
    """
    grows = or_(Passkey.synchronised, Passkey.sign_count < sign_count, Passkey.sign_count == 0)
    statement = (
        update(Passkey)
        .where(Passkey.credential_id == passkey.credential_id, grows)
        .values(sign_count=sign_count, last_used_at=clock.now())
        .returning(Passkey.credential_id)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalar(statement) is not None
