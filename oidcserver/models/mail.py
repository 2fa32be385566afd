"""Mail that is still to be sent."""

from collections.abc import Sequence

from sqlalchemy import String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.models.base import Base
from oidcserver.models.delivery import Delivery


class Mail(Delivery, Base):
    """A mail to a user, with all of it sealed: it may hold a link that works like a password."""

    __tablename__ = "mail"

    #: The occasion in one word, for the log: ``verify``, ``recover``.
    purpose: Mapped[str] = mapped_column(String(64))
    #: Address, subject and body; empty once the mail was sent or given up.
    content_sealed: Mapped[str] = mapped_column(Text)


def waiting_mail(dbsession: Session, limit: int) -> Sequence[Mail]:
    """Return the mail that was not sent and has not expired, the newest first."""
    statement = (
        select(Mail)
        .where(Mail.ended_at.is_(None), Mail.expires_at > clock.now())
        .order_by(Mail.created_at.desc(), Mail.id)
        .limit(limit)
    )
    return dbsession.scalars(statement).all()
