"""Sign-ins at other OpenID Providers: those under way, and the users of those providers."""

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    String,
    Text,
    UniqueConstraint,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import digest, new_identifier
from oidcserver.interfaces.upstream import MAX_ISSUER
from oidcserver.models.base import Base, Digest, Identifier, Time

#: The longest name of an upstream.
MAX_NAME = 64
#: The longest ``sub`` (OpenID Connect Core section 2).
MAX_SUBJECT = 255


class UpstreamRequest(Base):
    """A request to an upstream, to sign in or to sign out. Its answer is accepted once.

    The prefix of the state tells the two apart.
    """

    __tablename__ = "upstream_request"

    state_digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    upstream: Mapped[str] = mapped_column(String(MAX_NAME))
    #: The browser that was sent there.
    browser_digest: Mapped[str] = mapped_column(Digest)
    #: The session that the answer is linked from; None: the answer signs a user in.
    session_id: Mapped[str | None] = mapped_column(
        ForeignKey("login_session.id", ondelete="CASCADE"), index=True
    )
    #: JSON with what the answer is checked by: nonce, code_verifier, max_age; or, to sign out, the
    #: ID token that names the session there, if it is known.
    secrets_sealed: Mapped[str] = mapped_column(Text)
    #: The query of the page where the user goes on.
    onward: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    expires_at: Mapped[int] = mapped_column(Time, index=True)
    used_at: Mapped[int | None] = mapped_column(Time)


class UpstreamLink(Base):
    """A user of an upstream, and the account that this user signs in to.

    The upstream is named by its issuer too: after the ini names another issuer, no link counts.
    """

    __tablename__ = "upstream_link"
    __table_args__ = (
        UniqueConstraint("upstream", "issuer", "subject"),
        # The name by convention would be that of the first.
        UniqueConstraint(
            "user_id", "upstream", "issuer", name="uq_upstream_link_user_id_upstream_issuer"
        ),
    )

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, default=new_identifier)
    upstream: Mapped[str] = mapped_column(String(MAX_NAME))
    issuer: Mapped[str] = mapped_column(String(MAX_ISSUER))
    subject: Mapped[str] = mapped_column(String(MAX_SUBJECT))
    user_id: Mapped[str] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), index=True
    )
    #: The user's name there, for the account page.
    shown_as: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    last_used_at: Mapped[int | None] = mapped_column(Time)


def find_upstream_request(
    dbsession: Session, state: str, upstream: str, browser_digest: str
) -> UpstreamRequest | None:
    """Return a request that this browser was sent to this upstream with, and that is open."""
    return dbsession.scalar(select(UpstreamRequest).where(*_open(state, upstream, browser_digest)))


def _open(state: str, upstream: str, browser_digest: str) -> tuple[ColumnElement[bool], ...]:
    return (
        UpstreamRequest.state_digest == digest(state),
        UpstreamRequest.upstream == upstream,
        UpstreamRequest.browser_digest == browser_digest,
        UpstreamRequest.used_at.is_(None),
        UpstreamRequest.expires_at > clock.now(),
    )


def use_upstream_request(
    dbsession: Session, state: str, upstream: str, browser_digest: str
) -> UpstreamRequest | None:
    """Use a request up that this browser was sent to this upstream with, and return it.

    Of several at once, one gets it. Another browser or upstream does not use it up.
    """
    statement = (
        update(UpstreamRequest)
        .where(*_open(state, upstream, browser_digest))
        .values(used_at=clock.now())
        .returning(UpstreamRequest)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalars(statement).one_or_none()


def find_link(dbsession: Session, upstream: str, issuer: str, subject: str) -> UpstreamLink | None:
    """Return the link of a user of an upstream."""
    return dbsession.scalars(
        select(UpstreamLink).where(
            UpstreamLink.upstream == upstream,
            UpstreamLink.issuer == issuer,
            UpstreamLink.subject == subject,
        )
    ).one_or_none()


def links_of(dbsession: Session, user_id: str) -> Sequence[UpstreamLink]:
    """Return the links of an account, the oldest first."""
    own = select(UpstreamLink).where(UpstreamLink.user_id == user_id)
    return dbsession.scalars(own.order_by(UpstreamLink.created_at, UpstreamLink.id)).all()
