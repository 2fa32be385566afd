"""Shared reads: threads that wait for the same statement share its next run.

A read by key costs PostgreSQL less than its round trip. So many values in one statement cost little
more than one of them.
"""

import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import TimeoutError

from oidcserver.database.outage import outage
from oidcserver.database.prepared import Together
from oidcserver.database.records import Row
from oidcserver.database.statements import Compiled

#: So many values at most are asked for together.
MOST = 100
WAITED = "The threads that asked before got no answer in time."

Rows = Callable[[Compiled | Together, dict[str, Any]], list[Row]]


def first(compiled: Compiled, rows: Rows, parameters: dict[str, Any]) -> Row | None:
    """Run a statement for one; return what was selected of its first row, or None."""
    found = rows(compiled, parameters)
    return compiled.selected(found[0]) if found else None


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


class SharedRead:
    """A statement that threads run together.

    Those who ask while it runs are answered together by its next run: that begins after each of
    them asked, so it sees whatever was committed before.

    :param patience: seconds that a thread waits for the run before its own, and for its own.
    """

    def __init__(self, compiled: Compiled, rows: Rows, patience: float) -> None:
        self._compiled, self._rows, self._patience = compiled, rows, patience
        self._together = Together(compiled.sql, compiled.types)
        self._constants = compiled.constants
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._next = _Batch()

    def first(self, parameters: dict[str, Any]) -> Row | None:
        """Return the results of the first row, or None.

        :raises sqlalchemy.exc.DBAPIError: if the database cannot be asked.
        :raises sqlalchemy.exc.TimeoutError: if the threads before did not get an answer in time.
        """
        named = {**self._constants, **parameters}
        values = tuple(map(named.__getitem__, self._together.names))
        with self._lock:
            batch = self._next
            leads = not batch.asked
            number = batch.asked.setdefault(values, len(batch.asked) + 1)
            if len(batch.asked) == MOST:
                self._next = _Batch()
        if leads:
            self._lead(batch)
        if not batch.pending.acquire(timeout=2 * self._patience):
            raise TimeoutError(WAITED)
        batch.pending.release()
        if batch.problem is None:
            return batch.found.get(number)
        if len(batch.asked) == 1 or outage(batch.problem) is not None:
            raise batch.problem
        # A value that fails must not fail the others of its batch.
        return first(self._compiled, self._rows, parameters)

    def _lead(self, batch: _Batch) -> None:
        """Run a batch when the one before is done; no request joins it any more."""
        in_turn = self._turn.acquire(timeout=self._patience)
        try:
            with self._lock:
                if self._next is batch:
                    self._next = _Batch()
            if in_turn:
                self._read(batch)
            else:
                batch.problem = TimeoutError(WAITED)
        finally:
            batch.pending.release()
            if in_turn:
                self._turn.release()

    def _read(self, batch: _Batch) -> None:
        names = self._together.names
        try:
            if len(batch.asked) == 1:
                [values] = batch.asked
                found = first(self._compiled, self._rows, dict(zip(names, values, strict=True)))
                if found is not None:
                    batch.found[1] = found
                return
            columns = zip(*batch.asked, strict=True)
            asked = dict(zip(names, columns, strict=True))
            for row in self._rows(self._together, asked):
                batch.found[row[0]] = self._compiled.selected(row[1:])
        except BaseException as problem:
            batch.problem = problem
