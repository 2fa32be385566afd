"""Limits how often something may be tried: sign-ins, user codes, registrations.

There is one row for each key. One statement counts an attempt and decides about it, so that all
processes together allow no more than the limit, also after a restart. The rate limiting libraries
keep their counters in memory, in Redis or in their own tables and connections.
"""

import ipaddress

from sqlalchemy import Engine, case, delete, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from oidcserver import clock
from oidcserver.credentials import digest
from oidcserver.database.conflicts import repeating
from oidcserver.models.throttle import Throttle
from oidcserver.texts import Counted


class TooManyAttempts(Exception):
    """Too many attempts were made. The answer is 429 with ``Retry-After: retry_after``."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many attempts were made.")
        #: Seconds to wait.
        self.retry_after = retry_after


def take(
    engine: Engine, key: str, limit: int, window_seconds: int, *, whose: str | None = None
) -> int:
    """Count an attempt; return 0 if it is allowed, else the seconds to wait (Retry-After).

    ``limit`` attempts (one or more) are allowed in a window, which begins with the first of them.
    Rejected attempts change nothing, so a user who waits for the returned time is let in.

    The attempt is counted at once, in its own transaction, which the request cannot undo.

    :param key: the name of the counter, of any length, such as ``login:`` and the user's
        identifier. The row holds its SHA-256 digest: users type passwords into user name fields.
    :param whose: a text that several keys share; :func:`clear` deletes all of them.
    """
    now = clock.now()
    insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
    window_over = or_(
        Throttle.window_started_at <= now - window_seconds,
        # The clock was set back. A window that began a moment ahead goes on: another process
        # counted first, in the second after this one's, or on a machine whose clock is ahead.
        Throttle.window_started_at > now + window_seconds,
    )
    statement = (
        insert(Throttle)
        .values(
            key=digest(key),
            whose=None if whose is None else digest(whose),
            hits=1,
            window_started_at=now,
            blocked_until=0,
        )
        .on_conflict_do_update(
            index_elements=[Throttle.key],
            set_={
                "hits": case(
                    (window_over, 1),
                    (Throttle.hits < limit, Throttle.hits + 1),
                    else_=Throttle.hits,
                ),
                "window_started_at": case((window_over, now), else_=Throttle.window_started_at),
                "blocked_until": case(
                    (window_over, 0),
                    (Throttle.hits < limit, 0),
                    else_=Throttle.window_started_at + window_seconds,
                ),
            },
        )
        .returning(Throttle.blocked_until)
    )

    def count() -> int:
        with engine.begin() as connection:
            blocked_until: int = connection.execute(statement).scalar_one()
        return blocked_until

    return max(0, repeating(count) - now)


def give_back(dbsession: Session, key: str) -> None:
    """Subtract one attempt from a shared key after a success, in the session's transaction."""
    dbsession.execute(
        update(Throttle)
        .where(Throttle.key == digest(key), Throttle.hits > 0)
        .values(hits=Throttle.hits - 1)
        .execution_options(synchronize_session=False)
    )


def reset(dbsession: Session, key: str) -> None:
    """Delete the attempts of a key, after a success, in the transaction of the session."""
    dbsession.execute(delete(Throttle).where(Throttle.key == digest(key)))


def clear(dbsession: Session, whose: str) -> int:
    """Delete the attempts of every key with this ``whose``; return the number of keys."""
    statement = delete(Throttle).where(Throttle.whose == digest(whose)).returning(Throttle.key)
    return len(dbsession.scalars(statement).all())


def network_of(address: str) -> str:
    """Return the network of one subscriber: an IPv4 address, or an IPv6 /64 (RFC 6177)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def waiting_time(seconds: int) -> str:
    """Return a time to wait in words, rounded up to minutes."""
    return Counted("a minute", "${count} minutes", -(-seconds // 60))
