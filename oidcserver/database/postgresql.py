"""Prepared statements on PostgreSQL, run by libpq's own calls.

Parsing and planning takes PostgreSQL several times as long as a read by key, and psycopg's cursor
takes longer than libpq. So a statement is prepared once a connection and then executed by its
name; psycopg's ``Transformer`` writes the values and reads the rows.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format

from oidcserver.database.prepared import Prepared
from oidcserver.database.records import Row

#: SQLSTATE: the server's connection does not have this prepared statement. Nothing was run.
_NOT_PREPARED = "26000"
#: SQLSTATE: it has one of this name already. Nothing was run.
_PREPARED = "42P05"
_DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


class PreparedStatements:
    """Runs statements on one connection of psycopg, which is in autocommit."""

    def __init__(self, driver: Any) -> None:
        self.pgconn = driver.pgconn
        self._transformer: Any = Transformer(driver)
        self._known: set[bytes] = set()
        #: A pooler hands each statement to any of the server's connections, which do not know
        #: what was prepared on another.
        self._behind_pooler = False

    def rows(self, prepared: Prepared, values: Iterable[Any]) -> list[Row]:
        """Run a statement; return its rows.

        :raises psycopg.Error: if it fails.
        """
        ordered = list(values)
        # As text: PostgreSQL takes the types from the statement, whatever size a number has.
        sent = self._transformer.dump_sequence(ordered, [PyFormat.TEXT] * len(ordered))
        result = self._execute(prepared, sent)
        if result.status not in _DONE:
            raise error_from_result(result, "utf-8")
        self._transformer.set_pgresult(result)
        rows: list[Row] = self._transformer.load_rows(0, result.ntuples, tuple)
        return rows

    def _execute(self, prepared: Prepared, sent: Sequence[Any]) -> Any:
        if not self._behind_pooler:
            result = None
            if prepared.name not in self._known:
                result = self.pgconn.prepare(prepared.name, prepared.sql)
                self._known.add(prepared.name)
            if result is None or result.status in _DONE:
                result = self.pgconn.exec_prepared(prepared.name, sent, None, Format.BINARY)
            if _sqlstate(result) not in {_NOT_PREPARED, _PREPARED}:
                return result
            self._behind_pooler = True
        return self.pgconn.exec_params(prepared.sql, sent, None, None, Format.BINARY)


def _sqlstate(result: Any) -> str | None:
    if result.status in _DONE:
        return None
    return error_from_result(result, "utf-8").sqlstate
