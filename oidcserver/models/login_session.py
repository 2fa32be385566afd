"""Login sessions: the user of a browser, the time and the strength of the sign-in."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, String, and_, bindparam, select, true, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from oidcserver import clock
from oidcserver.credentials import digest, new_identifier
from oidcserver.database import AtomicWrite, Read, Statements
from oidcserver.models.base import Base, Digest, Identifier, Json, Time, Words
from oidcserver.models.user import User, UserRecord

#: Seconds between two records of the use of a session.
TOUCH_SECONDS = 60


@dataclass(frozen=True, slots=True)
class LoginSessionRecord:
    """A row of :class:`LoginSession` with its user."""

    id: str
    user_id: str
    auth_time: int
    auth_time_known: bool
    acr: str
    amr: list[str]
    methods: list[str]
    created_at: int
    last_seen_at: int
    expires_at: int
    user: UserRecord


class LoginSession(Base):
    """A login session. Clients never see ``id``, only a ``sid`` that is derived from it for each
    of them. The cookie's value is another secret, which changes at every login and step-up."""

    __tablename__ = "login_session"

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, default=new_identifier)
    token_digest: Mapped[str] = mapped_column(Digest, unique=True)
    user_id: Mapped[str] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), index=True
    )
    auth_time: Mapped[int] = mapped_column(Time, default=clock.now)
    #: False if an upstream did not say when the user signed in there: ``auth_time`` is then the
    #: time of the sign-in here, which satisfies no request for a recent one.
    auth_time_known: Mapped[bool] = mapped_column(default=True)
    acr: Mapped[str] = mapped_column(String(255), default="0")
    amr: Mapped[list[str]] = mapped_column(Json, default=list)
    #: The names of the methods in the ini, such as ``password``, by which the class is judged.
    methods: Mapped[list[str]] = mapped_column(Json, default=list)
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    last_seen_at: Mapped[int] = mapped_column(Time, default=clock.now)
    #: The absolute end; idleness is counted from ``last_seen_at``.
    expires_at: Mapped[int] = mapped_column(Time, index=True)
    ended_at: Mapped[int | None] = mapped_column(Time)
    user_agent: Mapped[str] = mapped_column(Words, default="")
    remote_address: Mapped[str] = mapped_column(String(64), default="")

    user: Mapped[User] = relationship(lazy="raise")


def is_live(now: Any, idle_since: Any) -> ColumnElement[bool]:
    """Return the condition of sessions that have neither ended nor expired.

    :param now: a time, or a parameter of the statement.
    :param idle_since: sessions that were not used since have expired.
    """
    return and_(
        LoginSession.ended_at.is_(None),
        LoginSession.expires_at > now,
        LoginSession.last_seen_at > idle_since,
    )


_LIVE = Read(
    select(*(getattr(LoginSession, field.name) for field in fields(LoginSessionRecord)[:-1]), User)
    .join(User, User.id == LoginSession.user_id)
    .where(
        LoginSession.token_digest == bindparam("digest"),
        is_live(bindparam("now"), bindparam("idle_since")),
        User.may_sign_in,
    )
)


def find_login_session(
    database: Statements, token: str, idle_seconds: int
) -> LoginSessionRecord | None:
    """Return the live session of a cookie value with its user, unless the user is disabled."""
    now = clock.now()
    row = database.read(_LIVE, digest=digest(token), now=now, idle_since=now - idle_seconds)
    return None if row is None else LoginSessionRecord(*row)


def renew_login_session(dbsession: Session, session_id: str, **columns: Any) -> bool:
    """Update a session after a new sign-in; return whether it had not ended."""
    statement = (
        update(LoginSession)
        .where(LoginSession.id == session_id, LoginSession.ended_at.is_(None))
        .values(**columns)
        .returning(LoginSession.id)
    )
    return dbsession.scalars(statement).one_or_none() is not None


def touching(condition: Any) -> Any:
    """Return the statement that records the use of a session, as a part of an atomic write.

    Its values are those of :func:`touch`.
    """
    return (
        update(LoginSession)
        .where(
            LoginSession.id == bindparam("touched_id"),
            LoginSession.last_seen_at < bindparam("touched_now"),
            condition,
        )
        .values(last_seen_at=bindparam("touched_now"))
    )


def touch(session_id: str, last_seen_at: int) -> dict[str, Any] | None:
    """Return the values of :func:`touching`; None if the use was recorded in the last minute."""
    now = clock.now()
    if last_seen_at > now - TOUCH_SECONDS:
        return None
    return {"touched_id": session_id, "touched_now": now}


_TOUCH = AtomicWrite(touching(true()).returning(LoginSession.id))


def touch_login_session(database: Statements, session_id: str, last_seen_at: int) -> None:
    """Record that a session is in use, unless that was recorded in the last minute."""
    values = touch(session_id, last_seen_at)
    if values is not None:
        database.write(_TOUCH, **values)


def end_login_sessions(dbsession: Session, *which: Any) -> Sequence[str]:
    """End the sessions that meet the conditions; return the identifiers of the ended sessions.

    Of several calls at once, one ends each session.
    """
    statement = (
        update(LoginSession)
        .where(LoginSession.ended_at.is_(None), *which)
        .values(ended_at=clock.now())
        .returning(LoginSession.id)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalars(statement).all()
