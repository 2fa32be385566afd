"""Pruning: removes expired rows, oldest first, in short transactions, while the server runs."""

import time
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, delete, inspect, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, sessionmaker

from oidcserver import clock
from oidcserver.database.conflicts import repeating
from oidcserver.models import (
    Activity,
    Authorization,
    BackchannelRequest,
    Base,
    Client,
    DeviceAuthorization,
    InitialAccessToken,
    LoginSession,
    LogoutDelivery,
    Mail,
    MailedLink,
    PendingSignIn,
    PingDelivery,
    RecordedRejection,
    RefreshToken,
    RememberedDevice,
    RevokedAccessToken,
    SuspendedRequest,
    Throttle,
    UpstreamEnd,
    UpstreamRequest,
    UpstreamSession,
    UsedIdentifier,
)
from oidcserver.models.client import DAY
from oidcserver.models.client_document import UNUSED
from oidcserver.operations.activity import RETENTION
from oidcserver.settings import Settings

Progress = Callable[[str, int], None]

#: Seconds that rows stay after their expiry, since the clocks of several hosts differ.
MARGIN = 3600
#: The longest window for counting attempts, in seconds, unless ``oidc.login_window`` is longer.
LONGEST_WINDOW = 86400


class Expiry(NamedTuple):
    """The expired rows of a table: those whose ``moment``, an indexed column, is past."""

    model: type[Base]
    moment: InstrumentedAttribute[int] | InstrumentedAttribute[int | None]
    #: Seconds that a row stays after that moment.
    retention: int = 0
    #: A further condition, for rows that do not expire by themselves.
    condition: ColumnElement[bool] | None = None


def expiries(settings: Settings) -> tuple[Expiry, ...]:
    """Return the rows that expire. Removing an authorization also removes its codes and tokens.

    A used refresh token stays until its expiry, so that its reuse is detected. A request that waits
    for a user stays longer, for a page that was left open overnight. Of the clients, only those
    that registered themselves expire, if they are not used, and after a day those that publish
    their metadata, if nobody has allowed them anything. A sign-in at an upstream is removed with
    the session that came of it, and after a day if there is none.
    """
    unused = settings["oauth.registration_unused_lifetime"]
    window = max(settings["oidc.login_window"], LONGEST_WINDOW)
    return (
        Expiry(Authorization, Authorization.expires_at),
        Expiry(RefreshToken, RefreshToken.expires_at),
        Expiry(RevokedAccessToken, RevokedAccessToken.expires_at),
        Expiry(UsedIdentifier, UsedIdentifier.expires_at),
        Expiry(DeviceAuthorization, DeviceAuthorization.expires_at),
        Expiry(InitialAccessToken, InitialAccessToken.expires_at),
        Expiry(LoginSession, LoginSession.expires_at),
        Expiry(LogoutDelivery, LogoutDelivery.expires_at),
        Expiry(BackchannelRequest, BackchannelRequest.expires_at),
        Expiry(PingDelivery, PingDelivery.expires_at),
        Expiry(Mail, Mail.expires_at),
        Expiry(MailedLink, MailedLink.expires_at),
        Expiry(PendingSignIn, PendingSignIn.expires_at),
        Expiry(RememberedDevice, RememberedDevice.expires_at),
        Expiry(UpstreamRequest, UpstreamRequest.expires_at),
        Expiry(UpstreamEnd, UpstreamEnd.expires_at),
        Expiry(
            UpstreamSession, UpstreamSession.created_at, DAY, UpstreamSession.session_id.is_(None)
        ),
        Expiry(
            SuspendedRequest, SuspendedRequest.expires_at, settings["oidc.interaction_retention"]
        ),
        Expiry(Throttle, Throttle.window_started_at, window),
        Expiry(
            RecordedRejection,
            RecordedRejection.created_at,
            settings["oidcserver.rejection_retention"],
        ),
        Expiry(Activity, Activity.occurred_at, settings[RETENTION]),
        *((Expiry(Client, Client.last_used_at, unused),) if unused else ()),
        Expiry(Client, Client.document_expires_at, DAY, UNUSED),
    )


def prune(
    dbsession_factory: sessionmaker[Session],
    settings: Settings,
    *,
    batch: int = 1000,
    progress: Progress = lambda table, rows: None,
) -> dict[str, int]:
    """Remove expired rows; return the number of removed rows by table.

    Each batch is a transaction of its own and skips locked rows. After each batch there is a pause
    of the same length, so that requests can use the database.

    :param batch: the number of rows in one transaction.
    :param progress: called with the name of the table and the number of rows removed so far.
    """
    removed: dict[str, int] = {}
    for expiry in expiries(settings):
        name = expiry.model.__tablename__
        removed.setdefault(name, 0)
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

    Beginning after the last row avoids reading deleted rows that are not vacuumed yet.
    """
    model, moment, _, condition = expiry
    key = inspect(model).primary_key[0]
    statement = (
        select(moment, key)
        .where(moment <= end)
        .order_by(moment, key)
        .limit(batch)
        .with_for_update(skip_locked=True)
    )
    if condition is not None:
        statement = statement.where(condition)
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
