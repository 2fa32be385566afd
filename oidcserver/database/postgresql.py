"""PostgreSQL by psycopg: prepared statements run by libpq's own calls, and an end to every wait.

Parsing and planning takes PostgreSQL several times as long as a read by key, and psycopg's cursor
takes longer than libpq. So a statement is prepared once a connection and then executed by its
name; psycopg's ``Transformer`` writes the values and reads the rows.
"""

import logging
import select
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format, TransactionStatus

from oidcserver.database.prepared import Prepared
from oidcserver.database.records import Row
from oidcserver.database.timeouts import Timeouts

log = logging.getLogger(__name__)

#: SQLSTATE: the server's connection does not have this prepared statement. Nothing was run.
_NOT_PREPARED = "26000"
#: SQLSTATE: it has one of this name already. Nothing was run.
_PREPARED = "42P05"
_DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


class NoAnswer(psycopg.OperationalError):
    """The server did not answer in time. The connection is closed."""

    gave_up = True


class Connection(psycopg.Connection[Any]):
    """A connection on which no wait is longer than ``patience`` seconds, if that is set.

    The limits of the server and of TCP do not help where something in between acknowledges what it
    does not pass on.
    """

    patience: float | None = None

    def wait(self, gen: Any, interval: float = 1.0, timeout: float | None = None) -> Any:
        """Wait as psycopg does; see its documentation."""
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            raise self.give_up() from None

    def give_up(self) -> NoAnswer:
        """Close the connection; return what to raise."""
        self.pgconn.finish()
        return NoAnswer(f"PostgreSQL did not answer within {self.patience} seconds")


class Connector:
    """Opens the connections of an engine (SQLAlchemy's event ``do_connect``)."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._takes_options = True

    def __call__(self, dialect: Any, record: Any, arguments: Any, parameters: Any) -> Any:
        """Return a new connection; what the URL says prevails.

        A pooler may not take the options, since its connections serve several of its clients.
        """
        given = {**self._timeouts.parameters, **parameters}
        options = f"{self._timeouts.options} {given.get('options', '')}"
        if self._takes_options:
            try:
                return self._open(arguments, {**given, "options": options})
            except psycopg.OperationalError as problem:
                if "startup parameter" not in str(problem):
                    raise
                self._takes_options = False
                log.warning(
                    "the pooler takes no options: set statement_timeout, lock_timeout and "
                    "idle_in_transaction_session_timeout for the user, with ALTER ROLE"
                )
        return self._open(arguments, given)

    def _open(self, arguments: Any, parameters: dict[str, Any]) -> Connection:
        connection = Connection.connect(*arguments, **parameters)
        connection.patience = self._timeouts.answer
        return connection


class PreparedStatements:
    """Runs statements on one connection, which is in autocommit."""

    def __init__(self, driver: Connection) -> None:
        self.pgconn: Any = driver.pgconn
        self._driver = driver
        self._transformer: Any = Transformer(driver)
        self._readable = select.poll()
        self._readable.register(driver.pgconn.socket, select.POLLIN)
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
        pgconn = self.pgconn
        if not self._behind_pooler:
            result = None
            if prepared.name not in self._known:
                pgconn.send_prepare(prepared.name, prepared.sql)
                result = self._result(pgconn)
                self._known.add(prepared.name)
            if result is None or result.status in _DONE:
                pgconn.send_query_prepared(prepared.name, sent, None, Format.BINARY)
                result = self._result(pgconn)
            if _sqlstate(result) not in {_NOT_PREPARED, _PREPARED}:
                return result
            self._behind_pooler = True
        pgconn.send_query_params(prepared.sql, sent, None, None, Format.BINARY)
        return self._result(pgconn)

    def _result(self, pgconn: Any) -> Any:
        """Return the result of what was sent.

        :raises NoAnswer: if it does not come in time.
        """
        result = None
        while True:
            while pgconn.is_busy():
                patience = self._driver.patience
                if not self._readable.poll(None if patience is None else patience * 1000):
                    raise self._driver.give_up()
                pgconn.consume_input()
            following = pgconn.get_result()
            if following is None:
                return result
            result = following


def _sqlstate(result: Any) -> str | None:
    if result.status in _DONE:
        return None
    return error_from_result(result, "utf-8").sqlstate
