"""Reading rows outside of the request's transaction and at the driver's own cost.

Most requests read two or three rows by their keys and write nothing. For that a transaction's
round trips and the ORM's bookkeeping are most of the time, so these reads are statements by
themselves: they see what is committed at that moment.

Once the request's transaction has begun they are part of it. Who holds one connection and waits
for another may wait for ever, where a pooler has fewer of them than there are threads.
"""

import json
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    Engine,
    Select,
    Text,
    any_,
    bindparam,
    cast,
    func,
    inspect,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from oidcserver.models.base import Base
from oidcserver.models.connections import KeptConnections
from oidcserver.models.statements import (
    Compiled,
    Model,
    Row,
    Transaction,
    compiled_for,
    detached,
)

_Rows = Callable[[Compiled, dict[str, Any]], list[Row]]

#: Of how many rows of a model the objects are kept.
KEPT_OBJECTS = 1024


class Reader:
    """Reads rows; ``registry.reader``. One object serves every thread."""

    def __init__(self, connections: KeptConnections) -> None:
        self._connections = connections
        self._engine = connections.engine
        self._tables: dict[type[Base], _Table] = {}
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
        transaction = self._transaction()
        if transaction is not None:
            return transaction.first(statement, **parameters)
        compiled = compiled_for(self._engine, statement)
        rows = self._rows(compiled, parameters)
        return compiled.objects(compiled.convert(rows[0])) if rows else None

    def get(self, model: type[Model], key: str) -> Model | None:
        """Return the object of a primary key, or None; it is to be read only.

        :raises sqlalchemy.exc.DBAPIError: if the database cannot be asked.
        """
        table = self._tables.get(model)
        if table is None:
            table = self._tables.setdefault(model, _Table(model, self._engine, self._rows))
        transaction = self._transaction()
        found: Model | None = (
            table.get(key) if transaction is None else table.get_in(transaction, key)
        )
        return found

    def _transaction(self) -> Transaction | None:
        dbsession: Session | None = getattr(self._own, "dbsession", None)
        return None if dbsession is None else Transaction(dbsession)

    def _rows(self, compiled: Compiled, parameters: dict[str, Any]) -> list[Row]:
        try:
            return self._connections.rows(compiled, parameters)
        except DBAPIError:
            # The connection may have been cut while nobody used it: once more, by the usual way.
            with self._engine.connect() as connection:
                found = connection.exec_driver_sql(compiled.sql, compiled.values(parameters))
                return [tuple(row) for row in found]


class _Batch:
    """Keys that are asked for together, and what came of it."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.objects: dict[str, Any] = {}
        self.problem: BaseException | None = None
        #: Held until there is an answer.
        self.pending = threading.Lock()
        self.pending.acquire()


class _Table:
    """The rows of a model by primary key.

    Whoever asks while a statement runs is answered by the next one, together with all others who
    did: it begins after each of them asked, so it sees whatever was committed before.
    """

    def __init__(self, model: type[Base], engine: Engine, rows: _Rows) -> None:
        mapper: Any = inspect(model)
        columns = list(mapper.columns)
        [key] = mapper.primary_key
        self._model = model
        self._names = [mapper.get_property_by_column(column).key for column in columns]
        self._key = columns.index(key)
        # JSON as text: it is parsed only where a row is not as it was before.
        self._json = [at for at, column in enumerate(columns) if isinstance(column.type, JSON)]
        selected = [cast(c, Text) if isinstance(c.type, JSON) else c for c in columns]
        if engine.dialect.name == "postgresql":
            among: Any = key == any_(bindparam("keys", type_=ARRAY(key.type)))
            self._keys: Callable[[set[str]], Any] = list
        else:
            listed = func.json_each(bindparam("keys", type_=Text)).table_valued("value")
            among = key.in_(select(listed.c.value))
            self._keys = _as_json
        self._compiled = compiled_for(engine, select(*selected).where(among))
        self._alone: Any = select(model).where(key == bindparam("key"))
        self._rows = rows
        self._object = lru_cache(KEPT_OBJECTS)(self._make_object)
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._next = _Batch()

    def get(self, key: str) -> Any:
        """Return the object of a key, or None."""
        with self._lock:
            batch = self._next
            first = not batch.keys
            batch.keys.add(key)
        if first:
            with self._turn:
                with self._lock:
                    self._next = _Batch()
                self._read(batch)
        with batch.pending:
            if batch.problem is not None:
                raise batch.problem
            return batch.objects.get(key)

    def get_in(self, transaction: Transaction, key: str) -> Any:
        """Return the object of a key as a transaction sees it, or None."""
        row = transaction.first(self._alone, key=key)
        return None if row is None else row[0]

    def _read(self, batch: _Batch) -> None:
        try:
            keys = {"keys": self._keys(batch.keys)}
            for row in self._rows(self._compiled, keys):
                batch.objects[row[self._key]] = self._object(row)
        except BaseException as problem:
            batch.problem = problem
        finally:
            batch.pending.release()

    def _make_object(self, row: Row) -> Any:
        values = list(self._compiled.convert(row))
        for at in self._json:
            values[at] = None if values[at] is None else json.loads(values[at])
        return detached(self._model, zip(self._names, values, strict=True))


def _as_json(keys: set[str]) -> str:
    return json.dumps(list(keys))
