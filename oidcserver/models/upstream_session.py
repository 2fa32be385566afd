"""Login sessions that began with a sign-in at an upstream."""

from collections.abc import Sequence

from sqlalchemy import ForeignKey, String, Text, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import new_identifier
from oidcserver.interfaces.upstream import MAX_ISSUER
from oidcserver.models.base import Base, Identifier, Time
from oidcserver.models.login_session import LoginSession
from oidcserver.models.pending_sign_in import PendingSignIn
from oidcserver.models.upstream import MAX_NAME, MAX_SUBJECT

#: The longest ``sid`` of an upstream that is stored.
MAX_SID = 255


class UpstreamSession(Base):
    """A sign-in at an upstream, and the login session here that came of it."""

    __tablename__ = "upstream_session"

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, default=new_identifier)
    #: None while the sign-in waits for the second factor.
    session_id: Mapped[str | None] = mapped_column(
        ForeignKey("login_session.id", ondelete="CASCADE"), index=True
    )
    upstream: Mapped[str] = mapped_column(String(MAX_NAME))
    issuer: Mapped[str] = mapped_column(String(MAX_ISSUER))
    subject: Mapped[str] = mapped_column(String(MAX_SUBJECT), index=True)
    #: Its session there; empty if it did not say.
    sid: Mapped[str] = mapped_column(String(MAX_SID), default="")
    #: Its ID token, to sign out there with; empty if that is not needed.
    id_token_sealed: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[int] = mapped_column(Time, default=clock.now, index=True)


def attach(dbsession: Session, upstream_session_id: str, session_id: str) -> None:
    """Record the login session that came of a sign-in at an upstream.

    It replaces what the session had from that upstream before.
    """
    row = dbsession.get(UpstreamSession, upstream_session_id)
    if row is None:
        return
    dbsession.execute(
        delete(UpstreamSession).where(
            UpstreamSession.session_id == session_id, UpstreamSession.upstream == row.upstream
        )
    )
    row.session_id = session_id
    dbsession.flush()


def latest_of_session(dbsession: Session, session_id: str) -> UpstreamSession | None:
    """Return the last sign-in at an upstream that a login session came of."""
    statement = (
        select(UpstreamSession)
        .where(UpstreamSession.session_id == session_id)
        .order_by(UpstreamSession.created_at.desc(), UpstreamSession.id)
        .limit(1)
    )
    return dbsession.scalar(statement)


def sessions_of_upstream(
    dbsession: Session, upstream: str, issuer: str, *, subject: str | None, sid: str | None
) -> Sequence[LoginSession]:
    """Return the live login sessions that came of sign-ins at an upstream, in a stable order.

    Sign-ins that wait for the second factor are over.

    :param subject: the user there; None: any.
    :param sid: the session there; None: any of the user.
    """
    conditions = [UpstreamSession.upstream == upstream, UpstreamSession.issuer == issuer]
    if subject is not None:
        conditions.append(UpstreamSession.subject == subject)
    if sid is not None:
        conditions.append(UpstreamSession.sid == sid)
    found = select(UpstreamSession.id).where(*conditions)
    dbsession.execute(
        update(PendingSignIn)
        .where(PendingSignIn.upstream_session_id.in_(found), PendingSignIn.used_at.is_(None))
        .values(used_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    live = (
        select(LoginSession)
        .where(
            LoginSession.ended_at.is_(None),
            LoginSession.id.in_(select(UpstreamSession.session_id).where(*conditions)),
        )
        .order_by(LoginSession.id)
    )
    return dbsession.scalars(live).all()
