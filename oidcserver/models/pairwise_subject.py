"""Pairwise subjects (OpenID Connect Core section 8.1): random, one a person and sector."""

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver.credentials import new_identifier
from oidcserver.database.statements import insert_once
from oidcserver.models.base import Base, Identifier


class PairwiseSubject(Base):
    """By what name the clients of a sector know a person; no two sectors can compare theirs."""

    __tablename__ = "pairwise_subject"
    __table_args__ = (UniqueConstraint("user_id", "sector"),)

    subject: Mapped[str] = mapped_column(Identifier, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    sector: Mapped[str] = mapped_column(String(255))


def find_pairwise_subject(dbsession: Session, user_id: str, sector: str) -> str:
    """Return the subject of a person in a sector, made at the first time; at once, one is made."""
    known = select(PairwiseSubject.subject).where(
        PairwiseSubject.user_id == user_id, PairwiseSubject.sector == sector
    )
    subject = dbsession.scalar(known)
    if subject is None:
        made = new_identifier()
        insert_once(dbsession, PairwiseSubject, subject=made, user_id=user_id, sector=sector)
        subject = dbsession.scalar(known)
    assert subject is not None
    return subject
