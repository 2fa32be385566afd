"""Pairwise subjects (OpenID Connect Core section 8.1): random, one for each user and sector."""

from sqlalchemy import ForeignKey, String, UniqueConstraint, bindparam, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from oidcserver.credentials import new_identifier
from oidcserver.database import AtomicWrite, NewRow, Read, Statements
from oidcserver.database.writes import insert_if_new
from oidcserver.models.base import Base, Identifier
from oidcserver.models.user import User, UserRecord


class PairwiseSubject(Base):
    """The subject of a user for the clients of a sector; sectors cannot compare subjects."""

    __tablename__ = "pairwise_subject"
    __table_args__ = (UniqueConstraint("user_id", "sector"),)

    subject: Mapped[str] = mapped_column(Identifier, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    sector: Mapped[str] = mapped_column(String(255))


_KNOWN = Read(
    select(PairwiseSubject.subject).where(
        PairwiseSubject.user_id == bindparam("user_id"),
        PairwiseSubject.sector == bindparam("sector"),
    )
)
_STORE = AtomicWrite(insert_if_new(PairwiseSubject))


def find_pairwise_subject(database: Statements, user_id: str, sector: str) -> str:
    """Return the subject of a user in a sector; the first call makes it."""
    row = database.read(_KNOWN, user_id=user_id, sector=sector)
    if row is None:
        made = NewRow(PairwiseSubject, subject=new_identifier(), user_id=user_id, sector=sector)
        database.write(_STORE, **made.values)
        row = database.read(_KNOWN, user_id=user_id, sector=sector)
    subject: str = row[0]
    return subject


_USER = Read(
    select(User)
    .outerjoin(PairwiseSubject, PairwiseSubject.user_id == User.id)
    .where(or_(User.id == bindparam("subject"), PairwiseSubject.subject == bindparam("subject")))
)


def find_user_of_subject(database: Statements, subject: str) -> UserRecord | None:
    """Return the user of a public or pairwise subject, disabled or not.

    The caller compares the subject with that of the user for its client: a subject of another
    sector is found too.
    """
    row = database.read(_USER, subject=subject)
    user: UserRecord | None = None if row is None else row[0]
    return user
