"""Consents: the scopes and claims that a user allows a client, and may withdraw."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ForeignKey, bindparam, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.database import Read, Statements
from oidcserver.database.statements import insert_once
from oidcserver.models.authorization import revoke_authorizations_of_consent
from oidcserver.models.base import Base, Json, Time, Words


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """The remembered part of a row of :class:`Consent`, and when the user allowed something."""

    remembered: bool
    remembered_scope: str
    remembered_claims: str
    remembered_resources: dict[str, Any] | None
    updated_at: int


class Consent(Base):
    """The scopes and claims that a user allowed a client, once or permanently.

    ``scope`` and ``claims`` hold all of it. Only ``remembered_scope``, ``remembered_claims`` and
    ``remembered_resources`` spare the question, while ``remembered`` is set.
    """

    __tablename__ = "consent"
    __record__ = ConsentRecord

    user_id: Mapped[str] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True
    )
    client_id: Mapped[str] = mapped_column(
        ForeignKey("client.client_id", ondelete="CASCADE"), primary_key=True
    )
    scope: Mapped[str] = mapped_column(Words, default="")
    #: The claims that were allowed in addition to those of the scopes.
    claims: Mapped[str] = mapped_column(Words, default="")
    remembered: Mapped[bool] = mapped_column(default=False)
    remembered_scope: Mapped[str] = mapped_column(Words, default="")
    remembered_claims: Mapped[str] = mapped_column(Words, default="")
    #: The scopes by the URI of the resource that they were allowed for; ``remembered_scope`` is for
    #: requests that name no resource.
    remembered_resources: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    updated_at: Mapped[int] = mapped_column(Time, default=clock.now, onupdate=clock.now)


_OF_CLIENT = Read(
    select(Consent).where(
        Consent.user_id == bindparam("user"), Consent.client_id == bindparam("client")
    )
)


def find_consent(database: Statements, user_id: str, client_id: str) -> ConsentRecord | None:
    """Return the remembered consent of a user for a client."""
    row = database.read(_OF_CLIENT, user=user_id, client=client_id)
    consent: ConsentRecord | None = None if row is None else row[0]
    return consent


def grant_consent(
    dbsession: Session,
    user_id: str,
    client_id: str,
    scope: str,
    *,
    remember: bool | None,
    claims: str = "",
    resources: Collection[str] = (),
) -> Consent:
    """Add scopes and claims to the consent of a user for a client.

    :param remember: True remembers what is allowed now, and nothing that was allowed once before;
        False forgets all that is remembered of this client; None leaves that as it is.
    :param claims: the claims that are allowed in addition to those of the scopes.
    :param resources: the resources that the scopes are allowed for; a remembered consent does not
        count for any other.
    """
    insert_once(dbsession, Consent, user_id=user_id, client_id=client_id)
    statement = (
        select(Consent)
        .where(Consent.user_id == user_id, Consent.client_id == client_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    consent = dbsession.scalars(statement).one()
    consent.scope = _joined(consent.scope, scope)
    consent.claims = _joined(consent.claims, claims)
    consent.updated_at = clock.now()
    if remember:
        consent.remembered = True
        consent.remembered_claims = _joined(consent.remembered_claims, claims)
        known = consent.remembered_resources or {}
        more = {uri: _joined(known.get(uri, ""), scope) for uri in resources}
        if more:
            consent.remembered_resources = {**known, **more}
        else:
            consent.remembered_scope = _joined(consent.remembered_scope, scope)
    elif remember is not None:
        consent.remembered = False
        consent.remembered_scope = consent.remembered_claims = ""
        consent.remembered_resources = None
    return consent


def _joined(words: str, more: str) -> str:
    return " ".join(dict.fromkeys(words.split() + more.split()))


def withdraw_consent(dbsession: Session, user_id: str, client_id: str) -> bool:
    """Delete a consent and end the token families of its client; return whether there was any."""
    statement = (
        delete(Consent)
        .where(Consent.user_id == user_id, Consent.client_id == client_id)
        .returning(Consent.client_id)
    )
    found = dbsession.scalar(statement) is not None
    return revoke_authorizations_of_consent(dbsession, user_id, client_id) > 0 or found
