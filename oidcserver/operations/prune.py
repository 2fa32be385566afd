"""Pruning: expired rows go, oldest first, in short transactions, while the server serves."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import and_, delete, inspect, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, sessionmaker

from oidcserver import clock
from oidcserver.database.conflicts import repeating
from oidcserver.models import (
    Authorization,
    Base,
    Client,
    InitialAccessToken,
    LoginSession,
    LogoutDelivery,
    RecordedRejection,
    RefreshToken,
    RevokedAccessToken,
    SuspendedRequest,
    Throttle,
    UsedIdentifier,
)

Progress = Callable[[str, int], None]

#: Rows stay so long after their end, in seconds, since the clocks of several hosts differ.
MARGIN = 3600
#: The longest window in which attempts are counted, in seconds, unless the login's is longer.
LONGEST_WINDOW = 86400


class Expiry(NamedTuple):
    """The rows of a table that may go: those whose ``moment``, an indexed column, is past."""

    model: type[Base]
    moment: InstrumentedAttribute[int] | InstrumentedAttribute[int | None]
    #: Seconds that a row stays after that moment.
    retention: int = 0


def expiries(settings: Any) -> tuple[Expiry, ...]:
    """Return what expires. Codes and the rest of a family go with its authorization.

    A used refresh token stays until it would have expired, so that its reuse is found. A request
    that waited for a user stays for the page that was left open overnight. Only clients that
    registered themselves and that nobody uses expire.
    """
    unused = settings["oauth.registration_unused_lifetime"]
    window = max(settings["oidc.login_window"], LONGEST_WINDOW)
    return (
        Expiry(Authorization, Authorization.expires_at),
        Expiry(RefreshToken, RefreshToken.expires_at),
        Expiry(RevokedAccessToken, RevokedAccessToken.expires_at),
        Expiry(UsedIdentifier, UsedIdentifier.expires_at),
        Expiry(InitialAccessToken, InitialAccessToken.expires_at),
        Expiry(LoginSession, LoginSession.expires_at),
        Expiry(LogoutDelivery, LogoutDelivery.expires_at),
        Expiry(
            SuspendedRequest, SuspendedRequest.expires_at, settings["oidc.interaction_retention"]
        ),
        Expiry(Throttle, Throttle.window_started_at, window),
        Expiry(
            RecordedRejection,
            RecordedRejection.created_at,
            settings["oidcserver.rejection_retention"],
        ),
        *((Expiry(Client, Client.last_used_at, unused),) if unused else ()),
    )


def prune(
    dbsession_factory: sessionmaker[Session],
    settings: Any,
    *,
    batch: int = 1000,
    progress: Progress = lambda table, rows: None,
) -> dict[str, int]:
    """Remove expired rows; return how many by table.

    Each batch is a transaction of its own and takes no row that somebody works on. After each, it
    pauses for as long as the batch took, so that requests get their turn at the database.

    :param batch: rows a transaction.
    :param progress: called with the table's name and the rows removed so far.
    """
    removed: dict[str, int] = {}
    for expiry in expiries(settings):
        name = expiry.model.__tablename__
        removed[name] = 0
        end = clock.now() - MARGIN - expiry.retention
        last: tuple[int, str] | None = None
        while True:
            started = time.monotonic()
            rows = repeating(_delete_batch, dbsession_factory, expiry, end, last, batch)
            if rows:
                removed[name] += len(rows)
                last = rows[-1]
                progress(name, removed[name])
            if len(rows) < batch:
                break
            time.sleep(time.monotonic() - started)
    return removed


def _delete_batch(
    dbsession_factory: sessionmaker[Session],
    expiry: Expiry,
    end: int,
    last: tuple[int, str] | None,
    batch: int,
) -> list[tuple[int, str]]:
    """Delete the next rows after ``last``; return moment and key of each.

    To begin after the last one spares to wade again through what is deleted and not yet vacuumed.
    """
    model, moment, _ = expiry
    key = inspect(model).primary_key[0]
    statement = (
        select(moment, key)
        .where(moment <= end)
        .order_by(moment, key)
        .limit(batch)
        .with_for_update(skip_locked=True)
    )
    if last is not None:
        after, after_key = last
        statement = statement.where(
            moment >= after, or_(moment > after, and_(moment == after, key > after_key))
        )
    with dbsession_factory.begin() as dbsession:
        rows = [(row[0], row[1]) for row in dbsession.execute(statement)]
        if rows:
            chosen = delete(model).where(key.in_([row[1] for row in rows]))
            dbsession.execute(chosen.execution_options(synchronize_session=False))
    return rows
