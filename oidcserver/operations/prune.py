"""Pruning: expired rows go, in short transactions, while the server serves."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, delete, inspect, or_, select
from sqlalchemy.orm import Session, sessionmaker

from oidcserver import clock
from oidcserver.models import (
    Authorization,
    Base,
    LoginSession,
    RecordedRejection,
    RefreshToken,
    RevokedAccessToken,
    SuspendedRequest,
    Throttle,
    UsedIdentifier,
)

Progress = Callable[[str, int], None]


def expired(settings: Any, now: int) -> dict[type[Base], ColumnElement[bool]]:
    """Return what may go, by table. Codes and the rest of a family go with its authorization.

    A used refresh token stays until it would have expired, so that its reuse is found.
    """
    session_idle = settings["oidc.session_idle_lifetime"]
    return {
        Authorization: Authorization.expires_at <= now,
        RefreshToken: RefreshToken.expires_at <= now,
        RevokedAccessToken: RevokedAccessToken.expires_at <= now,
        UsedIdentifier: UsedIdentifier.expires_at <= now,
        LoginSession: or_(
            LoginSession.expires_at <= now,
            LoginSession.last_seen_at <= now - session_idle,
            LoginSession.ended_at.is_not(None),
        ),
        SuspendedRequest: SuspendedRequest.created_at
        <= now - settings["oidc.interaction_retention"],
        Throttle: Throttle.window_started_at <= now - 2 * settings["oidc.login_window"],
        RecordedRejection: RecordedRejection.created_at
        <= now - settings["oidcserver.rejection_retention"],
    }


def prune(
    dbsession_factory: sessionmaker[Session],
    settings: Any,
    *,
    batch: int = 1000,
    progress: Progress = lambda table, rows: None,
) -> dict[str, int]:
    """Remove expired rows; return how many by table.

    Each batch is a transaction of its own, and takes no row that somebody works on.

    :param batch: rows a transaction.
    :param progress: called with the table's name and the rows removed so far.
    """
    removed: dict[str, int] = {}
    for model, condition in expired(settings, clock.now()).items():
        name = model.__tablename__
        removed[name] = 0
        while True:
            with dbsession_factory() as dbsession, dbsession.begin():
                rows = _delete_batch(dbsession, model, condition, batch)
            removed[name] += rows
            if rows:
                progress(name, removed[name])
            if rows < batch:
                break
    return removed


def _delete_batch(
    dbsession: Session, model: type[Base], condition: ColumnElement[bool], batch: int
) -> int:
    key = inspect(model).primary_key[0]
    chosen = select(key).where(condition).limit(batch).with_for_update(skip_locked=True)
    keys = dbsession.scalars(chosen).all()
    if keys:
        # The condition again: on databases without row locks a row may have changed meanwhile.
        statement = delete(model).where(key.in_(keys), condition)
        dbsession.execute(statement.execution_options(synchronize_session=False))
    return len(keys)
