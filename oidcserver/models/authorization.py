"""Authorizations: the root of each family of codes, refresh tokens and access tokens."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ForeignKey, String, bindparam, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import new_identifier
from oidcserver.database import AtomicWrite, Statements
from oidcserver.models.base import Base, Identifier, Json, Time, Words


@dataclass(frozen=True, slots=True)
class AuthorizationRecord:
    """A row of :class:`Authorization`."""

    id: str
    client_id: str
    user_id: str
    subject: str
    session_id: str | None
    scope: str
    claims_request: dict[str, Any] | None
    resources: list[str] | None
    authorization_details: list[dict[str, Any]] | None
    confirmation: dict[str, Any] | None
    nonce: str | None
    auth_time: int | None
    acr: str | None
    amr: list[str] | None
    created_at: int
    expires_at: int
    revoked_at: int | None


class Authorization(Base):
    """One approved request. Revoking it ends its codes, refresh tokens and access tokens.

    After ``expires_at`` no token of the family can be valid; then ``prune`` removes the row.
    """

    __tablename__ = "authorization"
    __record__ = AuthorizationRecord

    id: Mapped[str] = mapped_column(Identifier, primary_key=True, default=new_identifier)
    client_id: Mapped[str] = mapped_column(
        ForeignKey("client.client_id", ondelete="CASCADE"), index=True
    )
    user_id: Mapped[str] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), index=True
    )
    #: The identifier of the user for the client: the ``sub`` of every token.
    subject: Mapped[str] = mapped_column(String(255))
    session_id: Mapped[str | None] = mapped_column(Identifier, index=True)
    scope: Mapped[str] = mapped_column(Words, default="")
    claims_request: Mapped[dict[str, Any] | None] = mapped_column(Json)
    #: The resources that were requested (RFC 8707).
    resources: Mapped[list[str] | None] = mapped_column(Json)
    #: The authorization details that the user granted (RFC 9396).
    authorization_details: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)
    #: The key that the request named; only who has it can redeem the code (RFC 9449 section 10).
    confirmation: Mapped[dict[str, Any] | None] = mapped_column(Json)
    nonce: Mapped[str | None] = mapped_column(Words)
    auth_time: Mapped[int | None] = mapped_column(Time)
    acr: Mapped[str | None] = mapped_column(Words)
    amr: Mapped[list[str] | None] = mapped_column(Json)
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    expires_at: Mapped[int] = mapped_column(Time, index=True)
    revoked_at: Mapped[int | None] = mapped_column(Time)


#: Seconds by which a family is extended beyond its need, so that it is written once a day only.
EXTENSION_SECONDS = 86400


def extending(condition: Any) -> Any:
    """Return the statement that extends a family, as a part of an atomic write.

    Its values are those of :func:`extension`.
    """
    return (
        update(Authorization)
        .where(
            Authorization.id == bindparam("extended_id"),
            Authorization.expires_at < bindparam("extended_if_before"),
            condition,
        )
        .values(expires_at=bindparam("extended_until"))
    )


def extension(authorization_id: str, lives_until: int) -> dict[str, Any]:
    """Return the values of :func:`extending`: the family, and the time until it is needed."""
    return {
        "extended_id": authorization_id,
        "extended_if_before": lives_until,
        "extended_until": lives_until + EXTENSION_SECONDS,
    }


#: Takes ``revoked_id`` and ``revoked_now``.
REVOKE = AtomicWrite(
    update(Authorization)
    .where(Authorization.id == bindparam("revoked_id"), Authorization.revoked_at.is_(None))
    .values(revoked_at=bindparam("revoked_now"))
    .returning(Authorization.id)
)


def revoke_authorization(database: Statements, authorization_id: str) -> bool:
    """End a family; return whether it was alive."""
    return database.write(REVOKE, revoked_id=authorization_id, revoked_now=clock.now())


def revoke_authorizations_of_consent(dbsession: Session, user_id: str, client_id: str) -> int:
    """End the families of a user at a client; return their number."""
    return _revoke(
        dbsession, Authorization.user_id == user_id, Authorization.client_id == client_id
    )


def revoke_authorizations_of_user(dbsession: Session, user_id: str) -> int:
    """End all families of a user; return their number."""
    return _revoke(dbsession, Authorization.user_id == user_id)


def revoke_online_authorizations_of_session(dbsession: Session, session_id: str) -> int:
    """End the families of a login session (OpenID Connect Core section 11); return their number.

    Families with ``offline_access`` go on, as the user allowed.
    """
    words = " " + Authorization.scope + " "
    return _revoke(
        dbsession,
        Authorization.session_id == session_id,
        words.not_like("% offline\\_access %", escape="\\"),
    )


def _revoke(dbsession: Session, *conditions: Any) -> int:
    statement = (
        update(Authorization)
        .where(*conditions, Authorization.revoked_at.is_(None))
        .values(revoked_at=clock.now())
        .returning(Authorization.id)
        .execution_options(synchronize_session=False)
    )
    return len(dbsession.scalars(statement).all())
