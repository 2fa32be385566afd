"""Sign-ins that wait for the second factor."""

from typing import Any

from sqlalchemy import ForeignKey, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import digest, new_identifier
from oidcserver.models.base import Base, Digest, Identifier, Json, Time


class PendingSignIn(Base):
    """A user who has proven the first factor, in one browser. Nothing but a page knows of it."""

    __tablename__ = "pending_sign_in"

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, default=new_identifier)
    token_digest: Mapped[str] = mapped_column(Digest, unique=True)
    user_id: Mapped[str] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), index=True
    )
    #: Of the account, when the first factor was proven.
    generation: Mapped[int] = mapped_column()
    amr: Mapped[list[str]] = mapped_column(Json, default=list)
    #: The sign-in at an upstream that was the first factor.
    upstream_session_id: Mapped[str | None] = mapped_column(
        ForeignKey("upstream_session.id", ondelete="CASCADE"), index=True
    )
    #: The names of the methods in the ini.
    methods: Mapped[list[str]] = mapped_column(Json, default=list)
    #: When the first factor was proven at an upstream; 0: not known. None: it was proven here, and
    #: the sign-in counts from the second factor on.
    auth_time: Mapped[int | None] = mapped_column(Time)
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    expires_at: Mapped[int] = mapped_column(Time, index=True)
    used_at: Mapped[int | None] = mapped_column(Time)


def _live() -> tuple[Any, ...]:
    return PendingSignIn.used_at.is_(None), PendingSignIn.expires_at > clock.now()


def find_pending_sign_in(dbsession: Session, token: str) -> PendingSignIn | None:
    """Return the sign-in of a cookie value that still waits."""
    return dbsession.scalar(
        select(PendingSignIn).where(PendingSignIn.token_digest == digest(token), *_live())
    )


def find_late_user(dbsession: Session, token: str) -> str | None:
    """Return the user of the sign-in of a cookie value that waited until it expired."""
    return dbsession.scalar(
        select(PendingSignIn.user_id).where(
            PendingSignIn.token_digest == digest(token),
            PendingSignIn.used_at.is_(None),
            PendingSignIn.expires_at <= clock.now(),
        )
    )


def use_pending_sign_in(dbsession: Session, pending: PendingSignIn) -> bool:
    """End the wait; of several calls at once, one returns True."""
    statement = (
        update(PendingSignIn)
        .where(PendingSignIn.id == pending.id, *_live())
        .values(used_at=clock.now())
        .returning(PendingSignIn.id)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalar(statement) is not None
