"""Links and codes that were mailed: each is used once."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, ForeignKey, String, Text, and_, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import digest, new_identifier
from oidcserver.models.base import Base, Digest, Identifier, Time
from oidcserver.models.user import User


class MailedLink(Base):
    """A link in a mail, and the code beside it, for one purpose.

    A row without a user or data is of a request that concerned no account: nothing was mailed that
    could be entered, but the pages are the same.
    """

    __tablename__ = "mailed_link"

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, default=new_identifier)
    #: Known to the browser that asked for the mail, which may enter the code. One request may
    #: concern several accounts, each of which gets its own mail.
    request_id: Mapped[str] = mapped_column(Identifier, index=True, default=new_identifier)
    token_digest: Mapped[str] = mapped_column(Digest, unique=True)
    #: The keyed digest of the code.
    code_digest: Mapped[str] = mapped_column(Digest)
    purpose: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[str | None] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), index=True
    )
    #: That of the user when the link was mailed: whatever ends all sessions of the user voids it.
    generation: Mapped[int | None] = mapped_column()
    #: The data of the purpose, such as the new address.
    data_sealed: Mapped[str] = mapped_column(Text, default="")
    browser_digest: Mapped[str] = mapped_column(Digest)
    #: The query of the page where the user goes on in the same browser.
    onward: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    expires_at: Mapped[int] = mapped_column(Time, index=True)
    #: When the code was entered in the browser that asked.
    proven_at: Mapped[int | None] = mapped_column(Time)
    used_at: Mapped[int | None] = mapped_column(Time)


def _live() -> tuple[ColumnElement[bool], ...]:
    owner = select(User.id).where(
        User.id == MailedLink.user_id,
        User.generation == MailedLink.generation,
        User.may_sign_in,
    )
    unchanged = or_(MailedLink.user_id.is_(None), owner.correlate(MailedLink).exists())
    return MailedLink.used_at.is_(None), MailedLink.expires_at > clock.now(), unchanged


def find_mailed_link(dbsession: Session, token: str) -> MailedLink | None:
    """Return the link of a token that can still be used."""
    return dbsession.scalar(
        select(MailedLink).where(MailedLink.token_digest == digest(token), *_live())
    )


def find_own_mailed_links(
    dbsession: Session, request_id: str, browser_digest: str
) -> Sequence[MailedLink]:
    """Return the links of a request of a browser that can still be used."""
    own = (MailedLink.request_id == request_id, MailedLink.browser_digest == browser_digest)
    return dbsession.scalars(select(MailedLink).where(*own, *_live())).all()


def find_purpose(dbsession: Session, value: str, browser_digest: str) -> str | None:
    """Return the purpose of the links of a token or of a request of a browser.

    They may have been used, or have expired.
    """
    own = and_(MailedLink.request_id == value, MailedLink.browser_digest == browser_digest)
    purpose = select(MailedLink.purpose).where(or_(MailedLink.token_digest == digest(value), own))
    return dbsession.scalar(purpose.limit(1))


def prove_mailed_link(dbsession: Session, link: MailedLink) -> None:
    """Note that the code of a link was entered."""
    dbsession.execute(
        update(MailedLink).where(MailedLink.id == link.id).values(proven_at=clock.now())
    )


def use_mailed_link(dbsession: Session, link: MailedLink) -> bool:
    """Use a link up; of several calls at once, one returns True.

    The row of the user is locked: the end of all sessions of the user either voids the link before,
    or waits for the transaction.
    """
    if link.user_id is not None:
        dbsession.execute(select(User.id).where(User.id == link.user_id).with_for_update())
    statement = (
        update(MailedLink)
        .where(MailedLink.id == link.id, *_live())
        .values(used_at=clock.now())
        .returning(MailedLink.id)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalar(statement) is not None
