"""The database as requests and commands see it; :mod:`oidcserver.database` implements it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

Result = TypeVar("Result")


class Statements(Protocol):
    """Runs reads and atomic writes."""

    def read(self, read: Any, /, **values: Any) -> Any:
        """Return the first row of a ``Read`` as a tuple, or None.

        :raises sqlalchemy.exc.DBAPIError: if the database cannot be asked.
        """
        ...

    def write(self, write: Any, /, **values: Any) -> bool:
        """Run an ``AtomicWrite``; return how it was decided. Of several at once, one gets True.

        :raises sqlalchemy.exc.DBAPIError: also where the connection was lost and it is not known
            how it was decided.
        """
        ...


class Database(Statements, Protocol):
    """The database of a process: each statement runs alone, in autocommit."""

    engine: Engine
    #: Makes the sessions of commands and of threads of our own.
    session: sessionmaker[Session]

    def run(self, function: Callable[[Session], Result]) -> Result:
        """Call a function within a transaction, and again after a conflict."""
        ...

    def within(self, session: Session) -> Statements:
        """Return an object that runs statements in the transaction of a session."""
        ...


class RequestDatabase(Statements, Protocol):
    """The database of a request: each statement runs alone until a transaction has begun."""

    @property
    def session(self) -> Session: ...

    @property
    def alone(self) -> Database:
        """The database without any transaction.

        :raises RuntimeError: in a transaction.
        """
        ...

    def transaction(self) -> AbstractContextManager[Session]:
        """Let all that is read and written within be one transaction."""
        ...

    def run(self, function: Callable[[Session], Result]) -> Result:
        """Call a function within a transaction, and again after a conflict."""
        ...

    def commit(self) -> None:
        """End the transaction of the request, before it waits."""
        ...

    def keeping_rows(self) -> AbstractContextManager[None]:
        """Let the rows of the session go on being its own if what is within commits."""
        ...

    def after_commit(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call a function when the transaction has been committed; at once if there is none."""
        ...
