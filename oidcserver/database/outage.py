"""The reasons why a database cannot serve a request, though it may serve the next."""

import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as WaitedTooLong

SILENT = "the database does not answer"
READ_ONLY = "the database is read-only"

#: SQLSTATE: a primary that was demoted, a replica, or ``default_transaction_read_only``.
_READ_ONLY = "25006"


def outage(problem: BaseException) -> str | None:
    """Return the fault of the database as a sentence, or None where it is a bug of ours.

    What a cut connection raises is the driver's choice; SQLAlchemy says that it was cut.
    """
    if getattr(getattr(problem, "orig", None), "sqlstate", None) == _READ_ONLY:
        return READ_ONLY
    if getattr(getattr(problem, "orig", None), "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return None  # such as a missing table; PostgreSQL's driver has another exception for it
    if isinstance(problem, OperationalError | InterfaceError | WaitedTooLong):
        return SILENT
    if isinstance(problem, DBAPIError) and problem.connection_invalidated:
        return SILENT
    return None


def waited_in_vain(problem: DBAPIError) -> bool:
    """Whether a statement was given up because no answer came in time."""
    return getattr(problem.orig, "gave_up", False)
