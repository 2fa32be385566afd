"""Suspended authorization requests: those that wait for the user, by their ``request_uri``.

A request that needs the user is stored like a pushed request (RFC 9126) and resumed by its
``request_uri``. Two tabs, a reload and an old page all work in this way.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ForeignKey, Text, bindparam, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import REQUEST_URI, digest, new_credential
from oidcserver.database import AtomicWrite, NewRow, Read, Statements
from oidcserver.models.base import Base, Digest, Identifier, Json, Time, Words
from oidcserver.models.live_session import LIVE

#: RFC 9126 section 2.2.
REQUEST_URI_PREFIX = "urn:ietf:params:oauth:request_uri:"


#: The browser digest of a request that came without the browser's cookies.
ANY_BROWSER = ""


@dataclass(frozen=True, slots=True)
class SuspendedRequestRecord:
    """A row of :class:`SuspendedRequest`."""

    reference_digest: str
    client_id: str
    parameters: dict[str, Any]
    signed: bool
    pushed: bool
    browser_digest: str
    expires_at: int
    authenticated_session_id: str | None
    selected_session_id: str | None
    declined_acr: str | None
    decided_by: str | None
    allowed_scope: str | None
    allowed_claims: str | None
    denied: bool
    used_at: int | None
    response_sealed: str | None


class SuspendedRequest(Base):
    """A validated authorization request, and the answers of the user so far."""

    __tablename__ = "suspended_request"
    __record__ = SuspendedRequestRecord

    reference_digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("client.client_id", ondelete="CASCADE"))
    #: The request's parameters, by name, each a list of values.
    parameters: Mapped[dict[str, Any]] = mapped_column(Json)
    #: Whether all of them were in a request object that the client signed (RFC 9101).
    signed: Mapped[bool] = mapped_column(default=False)
    #: Whether the client pushed it (RFC 9126): its ``request_uri`` is then used once, and expires
    #: soon if no browser takes it up.
    pushed: Mapped[bool] = mapped_column(default=False)
    #: The browser that the request belongs to; ``ANY_BROWSER`` until one takes it up.
    browser_digest: Mapped[str] = mapped_column(Digest)
    created_at: Mapped[int] = mapped_column(Time, default=clock.now)
    expires_at: Mapped[int] = mapped_column(Time, index=True)
    #: The login session that signed in for this request, if one did.
    authenticated_session_id: Mapped[str | None] = mapped_column(Identifier)
    #: The login session that the user chose to continue with, without signing in again.
    selected_session_id: Mapped[str | None] = mapped_column(Identifier)
    #: The authentication context classes that the user cannot reach, or declined.
    declined_acr: Mapped[str | None] = mapped_column(Words)
    #: The user who decided on consent, and the allowed scope; None until decided.
    decided_by: Mapped[str | None] = mapped_column(Identifier)
    allowed_scope: Mapped[str | None] = mapped_column(Words)
    #: The claims that were allowed in addition to those of the scopes.
    allowed_claims: Mapped[str | None] = mapped_column(Words)
    denied: Mapped[bool] = mapped_column(default=False)
    used_at: Mapped[int | None] = mapped_column(Time)
    #: The sealed answer, for a double click or a reload.
    response_sealed: Mapped[str | None] = mapped_column(Text)


def suspend_request(dbsession: Session, **columns: Any) -> str:
    """Store a request; return its ``request_uri``."""
    reference = new_credential(REQUEST_URI)
    dbsession.add(SuspendedRequest(reference_digest=digest(reference), **columns))
    dbsession.flush()
    return REQUEST_URI_PREFIX + reference


def new_pushed_request(**columns: Any) -> tuple[str, dict[str, Any]]:
    """Return the ``request_uri`` of a pushed request, and the values of ``inserting`` its row."""
    reference = new_credential(REQUEST_URI)
    row = NewRow(
        SuspendedRequest,
        reference_digest=digest(reference),
        pushed=True,
        browser_digest=ANY_BROWSER,
        **columns,
    )
    return REQUEST_URI_PREFIX + reference, row.values


_OF_REFERENCE = Read(
    select(SuspendedRequest).where(SuspendedRequest.reference_digest == bindparam("reference"))
)


def find_suspended_request(database: Statements, request_uri: str) -> SuspendedRequestRecord | None:
    """Return the request of a ``request_uri`` of ours, live or not."""
    if not request_uri.startswith(REQUEST_URI_PREFIX):
        return None
    return read_again(database, key_of(request_uri))


def key_of(request_uri: str) -> str:
    """Return the key of the row of a ``request_uri`` of ours."""
    return digest(request_uri.removeprefix(REQUEST_URI_PREFIX))


def read_again(database: Statements, reference_digest: str) -> SuspendedRequestRecord | None:
    """Return a request as it is now; None if its client was deleted."""
    row = database.read(_OF_REFERENCE, reference=reference_digest)
    record: SuspendedRequestRecord | None = None if row is None else row[0]
    return record


#: Binds a request to the first browser that resumes it. It takes ``bound_reference``,
#: ``bound_browser``, and ``bound_until``, when the time of the user to finish it ends.
BIND = AtomicWrite(
    update(SuspendedRequest)
    .where(
        SuspendedRequest.reference_digest == bindparam("bound_reference"),
        SuspendedRequest.browser_digest == ANY_BROWSER,
    )
    .values(browser_digest=bindparam("bound_browser"), expires_at=bindparam("bound_until"))
    .returning(SuspendedRequest.reference_digest)
)


def decide_suspended_request(
    dbsession: Session,
    reference_digest: str,
    user_id: str,
    allowed_scope: str | None,
    allowed_claims: str = "",
) -> bool:
    """Store a user's decision on consent; None for the scope denies.

    A user decides once: of several calls at once, one gets True. Another user who signed in
    for the same request decides anew.
    """
    statement = (
        update(SuspendedRequest)
        .where(
            SuspendedRequest.reference_digest == reference_digest,
            SuspendedRequest.used_at.is_(None),
            or_(SuspendedRequest.decided_by.is_(None), SuspendedRequest.decided_by != user_id),
        )
        .values(
            decided_by=user_id,
            allowed_scope=allowed_scope or "",
            allowed_claims=allowed_claims,
            denied=allowed_scope is None,
        )
        .returning(SuspendedRequest.reference_digest)
        .execution_options(synchronize_session=False)
    )
    return dbsession.scalars(statement).one_or_none() is not None


_ANSWERED = (
    update(SuspendedRequest)
    .where(SuspendedRequest.reference_digest == bindparam("answered_reference"), LIVE.exists())
    .returning(SuspendedRequest.reference_digest)
)
#: Uses a suspended request up and keeps its answer, while login session and consent go on. It takes
#: ``answered_reference``, ``answered_now``, ``answer`` and the values of ``LIVE``.
USE = AtomicWrite(
    _ANSWERED.where(
        SuspendedRequest.used_at.is_(None),
        SuspendedRequest.expires_at > bindparam("answered_now"),
    ).values(used_at=bindparam("answered_now"), response_sealed=bindparam("answer"))
)
#: Keeps another answer of one that was used. It takes ``answered_reference``, ``answer`` and the
#: values of ``LIVE``.
ANSWER_AGAIN = AtomicWrite(
    _ANSWERED.where(SuspendedRequest.used_at.is_not(None)).values(
        response_sealed=bindparam("answer")
    )
)
