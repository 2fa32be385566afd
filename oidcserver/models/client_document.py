"""Clients that publish their metadata: a row for each document that was fetched.

All that a client has refers to its row by foreign keys, so there is a row for such a client too:
one for each application, not for each of its installations. It is the copy of the document for all
processes. Rows that nothing depends on are limited in number and pruned.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import bindparam, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from oidcserver import clock
from oidcserver.database import AtomicWrite
from oidcserver.database.statements import insert_once
from oidcserver.models.authorization import Authorization
from oidcserver.models.client import Client
from oidcserver.models.client_identity import ask_again, end_grants_elsewhere, is_another
from oidcserver.models.consent import Consent

#: Clients that nobody has allowed anything. The oldest make room for others.
MAX_UNUSED = 1000
#: The document clients that nobody has allowed anything, as a condition.
UNUSED = Client.document_expires_at.is_not(None) & ~or_(
    exists().where(Consent.client_id == Client.client_id),
    exists().where(Authorization.client_id == Client.client_id),
)


def keep_document(
    dbsession: Session,
    client_id: str,
    metadata: Mapping[str, Any],
    *,
    expires_at: int,
    usable_until: int,
    may_redirect_to: Callable[[str], bool],
) -> str:
    """Store the metadata of a fetched document; a registered client stays as it is.

    :param may_redirect_to: whether the document allows a redirect URI. What was granted to another
        one ends.
    :returns: the name of the event: ``client_created``, ``client_changed``, or an empty text.
    """
    times = {"document_expires_at": expires_at, "document_usable_until": usable_until}
    new = insert_once(
        dbsession,
        Client,
        client_id=client_id,
        client_metadata=metadata,
        self_registered=True,
        last_used_at=clock.now(),
        **times,
    )
    if new:
        _make_room(dbsession)
        return "client_created"
    known = dbsession.scalars(
        select(Client.client_metadata)
        .where(Client.client_id == client_id, Client.document_expires_at.is_not(None))
        .with_for_update()
    ).one_or_none()
    if known is None:
        return ""
    changed = known != metadata
    # updated_at is for changes of the metadata.
    columns: dict[str, Any] = {"updated_at": clock.now() if changed else Client.updated_at}
    if changed:
        columns["client_metadata"] = metadata
    dbsession.execute(
        update(Client)
        .where(Client.client_id == client_id)
        .values(**columns, **times)
        .execution_options(synchronize_session=False)
    )
    if is_another(known, metadata):
        ask_again(dbsession, client_id)
        end_grants_elsewhere(dbsession, client_id, may_redirect_to)
    return "client_changed" if changed else ""


def _make_room(dbsession: Session) -> None:
    """Remove the oldest of the unused clients that are too many."""
    superfluous = (
        select(Client.client_id)
        .where(UNUSED)
        .order_by(Client.client_id_issued_at.desc(), Client.client_id)
        .offset(MAX_UNUSED)
    )
    dbsession.execute(
        delete(Client)
        .where(Client.client_id.in_(superfluous))
        .execution_options(synchronize_session=False)
    )


_DOCUMENT = update(Client).returning(Client.client_id)
#: Lets one of several requests fetch an old document; the others use the copy. It takes
#: ``claimed_client``, ``claimed_now`` and ``claimed_until``, the time of the next attempt.
CLAIM = AtomicWrite(
    _DOCUMENT.where(
        Client.client_id == bindparam("claimed_client"),
        Client.document_expires_at <= bindparam("claimed_now"),
    ).values(document_expires_at=bindparam("claimed_until"), updated_at=Client.updated_at)
)
#: Lets nobody use a copy whose document is not accepted any more. It takes ``discarded_client`` and
#: ``discarded_now``.
DISCARD = AtomicWrite(
    _DOCUMENT.where(
        Client.client_id == bindparam("discarded_client"),
        Client.document_expires_at.is_not(None),
    ).values(
        document_expires_at=bindparam("discarded_now"),
        document_usable_until=bindparam("discarded_now"),
        updated_at=Client.updated_at,
    )
)
