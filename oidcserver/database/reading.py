"""Reading rows outside of the request's transaction and at the driver's own cost.

Most requests read two or three rows by their keys and write nothing. For that a transaction's
round trips and the ORM's bookkeeping are most of the time, so these reads are statements by
themselves: they see what is committed at that moment.

Once the request's transaction has begun they are part of it. Who holds one connection and waits
for another may wait for ever, where a pooler has fewer of them than there are threads.
"""

import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session

from oidcserver.database.connections import KeptConnections
from oidcserver.database.objects import Model, Row
from oidcserver.database.prepared import Together
from oidcserver.database.statements import Compiled, Transaction, compiled_for

#: Of how many rows of a model the objects are kept. It saves no read: the row itself is the key.
KEPT_OBJECTS = 1024

_Rows = Callable[[Compiled | Together, dict[str, Any]], list[Row]]


class Reader:
    """Reads rows; ``registry.oidc.reader``. One object serves every thread."""

    def __init__(self, connections: KeptConnections) -> None:
        self._connections = connections
        self._engine = connections.engine
        #: To SQLite there is no round trip to be saved.
        self._together = self._engine.dialect.name == "postgresql"
        self._shared: dict[Any, _Shared] = {}
        self._own = threading.local()

    def join(self, dbsession: Session | None) -> None:
        """Let this thread's reads be part of a session's transaction until it ends (None).

        The transaction has a connection already: a read begins none.
        """
        self._own.dbsession = dbsession

    def first(self, statement: Select[Any], **parameters: Any) -> Any:
        """Return the first row of a statement, as a tuple, or None.

        It holds values of columns and objects of models, as the statement selects them.

        The objects belong to no session and are to be read only. The statement is kept: make it
        once.

        :raises sqlalchemy.exc.DBAPIError: if the database cannot be asked.
        """
        dbsession = self._dbsession()
        if dbsession is not None:
            return Transaction(dbsession).first(statement, **parameters)
        return _first(compiled_for(self._engine, statement), self._rows, parameters)

    def first_together(self, statement: Select[Any], **parameters: Any) -> Any:
        """Return what ``first`` does, and ask for all threads that wait for it in one statement.

        For rows that many requests read, one after the other and at once: several threads get
        the same object.

        :raises sqlalchemy.exc.DBAPIError: if the database cannot be asked.
        """
        if not self._together or self._dbsession() is not None:
            return self.first(statement, **parameters)
        shared = self._shared.get(statement)
        if shared is None:
            compiled = Compiled(self._engine, statement, KEPT_OBJECTS)
            shared = self._shared.setdefault(statement, _Shared(compiled, self._rows))
        return shared.first(parameters)

    def get(self, model: type[Model], key: str) -> Model | None:
        """Return the object of a primary key, or None, as ``first_together`` does.

        :raises sqlalchemy.exc.DBAPIError: if the database cannot be asked.
        """
        row = self.first_together(_by_key(model), key=key)
        found: Model | None = None if row is None else row[0]
        return found

    def _dbsession(self) -> Session | None:
        """Return the session whose transaction this thread's reads are part of."""
        dbsession: Session | None = getattr(self._own, "dbsession", None)
        return dbsession

    def _rows(self, compiled: Compiled | Together, parameters: dict[str, Any]) -> list[Row]:
        try:
            return self._connections.rows(compiled, parameters)
        except DBAPIError:
            # The connection may have been cut while nobody used it: once more, by the usual way.
            with self._engine.connect() as connection:
                found = connection.exec_driver_sql(compiled.sql, compiled.values(parameters))
                return [tuple(row) for row in found]


@cache
def _by_key(model: type[DeclarativeBase]) -> Select[Any]:
    [key] = inspect(model).primary_key
    return select(model).where(key == bindparam("key"))


def _first(compiled: Compiled, rows: _Rows, parameters: dict[str, Any]) -> Row | None:
    found = rows(compiled, parameters)
    return compiled.objects(found[0]) if found else None


class _Batch:
    """Values that are asked for together, and what came of it."""

    def __init__(self) -> None:
        #: The number of each.
        self.asked: dict[Row, int] = {}
        self.found: dict[int, Row] = {}
        self.problem: BaseException | None = None
        #: Held until there is an answer.
        self.pending = threading.Lock()
        self.pending.acquire()


class _Shared:
    """A statement that threads run together.

    Whoever asks while it runs is answered by its next run, together with all others who did: that
    begins after each of them asked, so it sees whatever was committed before.
    """

    def __init__(self, compiled: Compiled, rows: _Rows) -> None:
        self._compiled, self._rows = compiled, rows
        self._together = Together(compiled.sql, compiled.types)
        self._constants = compiled.constants
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._next = _Batch()

    def first(self, parameters: dict[str, Any]) -> Row | None:
        """Return what was selected of the first row, or None."""
        named = {**self._constants, **parameters}
        values = tuple(map(named.__getitem__, self._together.names))
        with self._lock:
            batch = self._next
            leads = not batch.asked
            number = batch.asked.setdefault(values, len(batch.asked) + 1)
        if leads:
            with self._turn:
                with self._lock:
                    self._next = _Batch()
                self._read(batch)
        with batch.pending:
            if batch.problem is None:
                return batch.found.get(number)
            if len(batch.asked) == 1:
                raise batch.problem
        # Nobody fails by what somebody else asked.
        return _first(self._compiled, self._rows, parameters)

    def _read(self, batch: _Batch) -> None:
        try:
            columns = map(list, zip(*batch.asked, strict=True))
            asked = dict(zip(self._together.names, columns, strict=True))
            for row in self._rows(self._together, asked):
                batch.found[row[0]] = self._compiled.objects(row[1:])
        except BaseException as problem:
            batch.problem = problem
        finally:
            batch.pending.release()
