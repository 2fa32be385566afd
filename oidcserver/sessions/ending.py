"""The end of login sessions: all code that ends one calls these functions.

The authorizations of a session end with it, unless they have the scope ``offline_access``, and
the clients of the session are notified.
"""

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from oidcserver import clock, types
from oidcserver.models import Client, LoginSession, LoginSessionClient
from oidcserver.models.authorization import (
    revoke_authorizations_of_user,
    revoke_online_authorizations_of_session,
)
from oidcserver.models.login_session import end_login_sessions
from oidcserver.models.user import begin_generation
from oidcserver.oauth.events import LoginSessionEvent, announce
from oidcserver.sessions.backchannel_logout import deliver_after_commit, queue_logouts
from oidcserver.types import Registry, Request


def end_login_session(
    request: Request, session: types.LoginSession, event: str = "session_ended"
) -> bool:
    """End a session and announce it; return whether this call ended it.

    :param event: the name of the :class:`LoginSessionEvent`.
    """
    ended = _end_and_announce(request, session.user_id, event, LoginSession.id == session.id)
    return ended > 0


def end_sessions_of_user(request: Request, user_id: str) -> int:
    """End every session of a user and announce each; return how many.

    Sign-ins that are under way are void. Access with the scope ``offline_access`` goes on.
    """
    begin_generation(request.oidc.dbsession, user_id)
    return _end_and_announce(request, user_id, "session_ended", LoginSession.user_id == user_id)


def end_other_sessions(request: Request, session: types.LoginSession) -> int:
    """End every session of a user but this one and announce each; return how many."""
    others = (LoginSession.user_id == session.user_id, LoginSession.id != session.id)
    return _end_and_announce(request, session.user_id, "session_ended", *others)


def end_everything(request: Request, user_id: str) -> int:
    """End every session and every token of a user; return how many authorizations ended.

    Each session is announced. Sign-ins that are under way are void. Remembered consents stay:
    without a sign-in they give no access.
    """
    dbsession = request.oidc.dbsession
    begin_generation(dbsession, user_id)
    _lock(dbsession, LoginSession.user_id == user_id)
    ended = revoke_authorizations_of_user(dbsession, user_id)
    _end_and_announce(request, user_id, "session_ended", LoginSession.user_id == user_id)
    return ended


def _end_and_announce(
    request: Request, user_id: str, event: str, *conditions: ColumnElement[bool]
) -> int:
    queued = end_sessions(request.registry, request.oidc.dbsession, *conditions)
    deliver_after_commit(request, [it for deliveries in queued.values() for it in deliveries])
    for session_id in queued:
        request.oidc.database.after_commit(request.oidc.accounts.forget, session_id)
        details = {"user_id": user_id, "session_id": session_id}
        request.oidc.database.after_commit(announce, LoginSessionEvent(request, event, details))
    return len(queued)


def end_expired_sessions(registry: Registry, batch: int = 1000) -> int:
    """End the sessions that have expired; return how many. Each batch is a transaction.

    Expired sessions cannot be used anyway: this ends their authorizations and notifies clients.
    """
    now = clock.now()
    idle_since = now - registry.oidc.provider.settings["oidc.session_idle_lifetime"]
    expired = (
        LoginSession.ended_at.is_(None),
        or_(LoginSession.expires_at <= now, LoginSession.last_seen_at <= idle_since),
    )
    found = select(LoginSession.id).where(*expired).limit(batch).with_for_update(skip_locked=True)

    def end_batch(dbsession: Session) -> tuple[int, int]:
        ids = dbsession.scalars(found).all()
        ended = end_sessions(registry, dbsession, LoginSession.id.in_(ids), *expired)
        return len(ids), len(ended)

    total = 0
    while True:
        looked_at, ended = registry.oidc.database.run(end_batch)
        total += ended
        if looked_at < batch:
            return total


def end_sessions(
    registry: Registry, dbsession: Session, *conditions: ColumnElement[bool]
) -> dict[str, list[str]]:
    """End the sessions that meet the conditions, in the transaction of ``dbsession``.

    :returns: the identifiers of the sessions that this call ended, each with the identifiers of
        the logout tokens that are now due.
    """
    _lock(dbsession, *conditions)
    queued = {}
    for session_id in end_login_sessions(dbsession, *conditions):
        revoke_online_authorizations_of_session(dbsession, session_id)
        queued[session_id] = queue_logouts(registry, dbsession, session_id)
    return queued


def _lock(dbsession: Session, *conditions: ColumnElement[bool]) -> None:
    """Lock the sessions that meet the conditions, and then their clients.

    Authorizations that are being written in these sessions are committed before. The deletion of a
    client locks its row before those that refer to it; in another order the two would deadlock.
    """
    sessions = (
        select(LoginSession.id)
        .where(LoginSession.ended_at.is_(None), *conditions)
        .order_by(LoginSession.id)
        .with_for_update()
    )
    found = dbsession.scalars(sessions).all()
    clients = (
        select(Client.client_id)
        .where(
            Client.client_id.in_(
                select(LoginSessionClient.client_id).where(LoginSessionClient.session_id.in_(found))
            )
        )
        .order_by(Client.client_id)
        .with_for_update(read=True, key_share=True)
    )
    dbsession.scalars(clients).all()
