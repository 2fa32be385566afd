"""The second factors of users: authenticator apps and recovery codes."""

from collections.abc import Iterable

from sqlalchemy import ForeignKey, Text, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import new_identifier
from oidcserver.interfaces import User
from oidcserver.models.base import Base, Digest, Identifier, Time
from oidcserver.models.passkey import Passkey
from oidcserver.models.user import User as UserRow


class AuthenticatorApp(Base):
    """The secret that a user shares with an app (RFC 6238)."""

    __tablename__ = "authenticator_app"

    user_id: Mapped[str] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True
    )
    secret_sealed: Mapped[str] = mapped_column(Text)
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    #: When the user entered the first code; a row without is of an earlier release, and no factor.
    confirmed_at: Mapped[int | None] = mapped_column(Time)
    #: The time step of the last code that was accepted: it and all before are used up.
    last_step: Mapped[int] = mapped_column(default=0)
    last_used_at: Mapped[int | None] = mapped_column(Time)


class RecoveryCode(Base):
    """A code for the case that the other factor is lost; it is used once."""

    __tablename__ = "recovery_code"

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, default=new_identifier)
    user_id: Mapped[str] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), index=True
    )
    code_digest: Mapped[str] = mapped_column(Digest, unique=True)
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)


def has_authenticator_app(dbsession: Session, user_id: str) -> bool:
    """Whether a user has set up an app."""
    app = dbsession.get(AuthenticatorApp, user_id)
    return app is not None and app.confirmed_at is not None


def add_authenticator_app(dbsession: Session, user: User, secret_sealed: str, step: int) -> bool:
    """Store the app of a user who has entered a first code.

    Of several calls at once, one returns True. It returns False too if all sessions of the user
    were ended meanwhile. The row of the account is locked.

    :param user: an account (:class:`oidcserver.interfaces.User`).
    :param step: the time step of the code, which is used up.
    """
    unchanged = (
        select(UserRow.id)
        .where(UserRow.id == user.id, UserRow.generation == user.generation)
        .with_for_update()
    )
    if dbsession.scalar(unchanged) is None:
        return False
    own = AuthenticatorApp.user_id == user.id
    dbsession.execute(delete(AuthenticatorApp).where(own, AuthenticatorApp.confirmed_at.is_(None)))
    if dbsession.scalar(select(AuthenticatorApp.user_id).where(own)) is not None:
        return False
    now = clock.now()
    dbsession.add(
        AuthenticatorApp(
            user_id=user.id,
            secret_sealed=secret_sealed,
            confirmed_at=now,
            last_step=step,
            last_used_at=now,
        )
    )
    dbsession.flush()
    return True


def use_step(dbsession: Session, user_id: str, step: int) -> bool:
    """Use up a time step and all before it; of several calls at once, one returns True."""
    statement = (
        update(AuthenticatorApp)
        .where(AuthenticatorApp.user_id == user_id, AuthenticatorApp.last_step < step)
        .values(last_step=step, last_used_at=clock.now())
        .returning(AuthenticatorApp.user_id)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalar(statement) is not None


def count_recovery_codes(dbsession: Session, user_id: str) -> int:
    """Return how many codes a user has left."""
    codes = select(func.count()).where(RecoveryCode.user_id == user_id)
    return dbsession.scalar(codes) or 0


def use_recovery_code(dbsession: Session, user_id: str, digests: Iterable[str]) -> bool:
    """Use a code up; of several calls at once, one returns True."""
    statement = (
        delete(RecoveryCode)
        .where(RecoveryCode.user_id == user_id, RecoveryCode.code_digest.in_(list(digests)))
        .returning(RecoveryCode.id)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalars(statement).first() is not None


def remove_factors(dbsession: Session, user_id: str) -> int:
    """Remove every factor of a user; return how many rows there were.

    The end of all sessions, which has to follow, ends remembered devices.
    """
    removed = 0
    for model in (AuthenticatorApp, RecoveryCode, Passkey):
        statement = (
            delete(model)
            .where(model.user_id == user_id)
            .returning(model.user_id)
            .execution_options(synchronize_session="fetch")
        )
        removed += len(dbsession.scalars(statement).all())
    return removed
