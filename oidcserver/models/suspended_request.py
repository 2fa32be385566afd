"""Suspended authorization requests: those that wait for the user, by their ``request_uri``.

A request that needs the user is stored like a pushed request (RFC 9126) and resumed by its
``request_uri``. Two tabs, a reload and an old page all work in this way.
"""

from typing import Any

from sqlalchemy import ForeignKey, Text, bindparam, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import REQUEST_URI, digest, new_credential
from oidcserver.database import AtomicWrite, NewRow
from oidcserver.models.base import Base, Digest, Identifier, Json, Time, Words
from oidcserver.models.live_session import LIVE

#: RFC 9126 section 2.2.
REQUEST_URI_PREFIX = "urn:ietf:params:oauth:request_uri:"


#: The browser digest of a request that came without the browser's cookies.
ANY_BROWSER = ""


class SuspendedRequest(Base):
    """A validated authorization request, and the answers of the user so far."""

    __tablename__ = "suspended_request"

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


def find_suspended_request(dbsession: Session, request_uri: str) -> SuspendedRequest | None:
    """Return the row of a ``request_uri`` of ours, live or not."""
    if not request_uri.startswith(REQUEST_URI_PREFIX):
        return None
    reference = digest(request_uri.removeprefix(REQUEST_URI_PREFIX))
    statement = select(SuspendedRequest).where(SuspendedRequest.reference_digest == reference)
    return dbsession.scalars(statement).one_or_none()


def bind_suspended_request(
    dbsession: Session, suspended: SuspendedRequest, browser_digest: str, expires_at: int
) -> bool:
    """Bind a request to the first browser that resumes it. Of several at once, one gets True.

    :param expires_at: until when the user may finish it.
    """
    statement = (
        update(SuspendedRequest)
        .where(
            SuspendedRequest.reference_digest == suspended.reference_digest,
            SuspendedRequest.browser_digest == ANY_BROWSER,
        )
        .values(browser_digest=browser_digest, expires_at=expires_at)
        .returning(SuspendedRequest.reference_digest)
        .execution_options(synchronize_session=False)
    )
    bound = dbsession.scalars(statement).one_or_none() is not None
    dbsession.refresh(suspended)
    return bound


def decide_suspended_request(
    dbsession: Session,
    suspended: SuspendedRequest,
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
            SuspendedRequest.reference_digest == suspended.reference_digest,
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
