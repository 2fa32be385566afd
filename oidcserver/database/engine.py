"""The engine and ``request.oidc.dbsession``, joined to the transaction of the request."""

import os
from contextlib import suppress
from typing import Any

from sqlalchemy import URL, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.orm import Session
from zope.sqlalchemy.datamanager import STATUS_CHANGED, join_transaction

from oidcserver.database.timeouts import DEFAULT, Timeouts

SQLITE_BUSY_SECONDS = 10
#: A pooler may hand the next statement to another of the server's connections, which does not know
#: what psycopg prepared; and what psycopg reads as text depends on the encoding.
_POSTGRESQL = {"prepare_threshold": None, "client_encoding": "utf8"}


def make_engine(url: str | URL, timeouts: Timeouts = DEFAULT) -> Engine:
    """Return an engine; on SQLite with WAL, foreign keys, and writers that take turns.

    SQLite's deferred transactions cannot wait when a reader turns writer, so each begins as a
    writer and waits its turn for ``SQLITE_BUSY_SECONDS``.

    The pool has no limit, for a thread has no more than one of its connections: a smaller pool
    than there are threads would let them wait, or connect anew all the time.

    Every wait for PostgreSQL ends: see :class:`oidcserver.database.timeouts.Timeouts`.

    Errors hold no values: more users can read logs than the database. Only its owner
    can read a new SQLite file and the files that SQLite makes beside it.
    """
    url = make_url(url)
    postgresql = url.get_backend_name() == "postgresql"
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=0,
        hide_parameters=True,
        connect_args=_POSTGRESQL if postgresql else {},
    )
    event.listen(engine, "handle_error", _hide_values)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "do_connect", _make_private)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)
    if postgresql:
        from oidcserver.database.postgresql import Connector  # needs psycopg

        event.listen(engine, "do_connect", Connector(timeouts))
    return engine


def hide_values(*errors: BaseException | None) -> None:
    """Remove PostgreSQL's DETAIL from errors of the driver, since it quotes whole rows."""
    for error in errors:
        if error is not None and error.args and isinstance(error.args[0], str):
            error.args = (error.args[0].partition("\nDETAIL:")[0], *error.args[1:])


def _hide_values(context: Any) -> None:
    hide_values(context.original_exception, context.sqlalchemy_exception)


def _make_private(dialect: Any, record: Any, arguments: Any, options: Any) -> None:
    """Create the file if there is none; SQLite creates its other files with the same mode.

    Errors are ignored here: the driver opens the file next and reports them.
    """
    name = arguments[0]
    if not name or name == ":memory:" or name.startswith("file:"):
        return
    with suppress(OSError):
        os.close(os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _prepare_sqlite(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN would be a deferred one
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


class RequestSession(Session):
    """A session whose transaction a transaction manager ends, the one in ``info["tm"]``.

    It joins as changed from the start: otherwise what was changed by statements on tables alone
    would be rolled back. ``zope.sqlalchemy.register`` would listen on each session anew, which
    costs more than the query of most requests.
    """


@event.listens_for(RequestSession, "after_begin")
def _join_transaction(dbsession: Session, transaction: Any, connection: Any) -> None:
    join_transaction(dbsession, STATUS_CHANGED, dbsession.info["tm"], keep_session=False)


@event.listens_for(RequestSession, "after_attach")
def _join_with_new_row(dbsession: Session, instance: Any) -> None:
    # A row that is only added makes no connection begin, and would be lost without a word.
    join_transaction(dbsession, STATUS_CHANGED, dbsession.info["tm"], keep_session=False)
