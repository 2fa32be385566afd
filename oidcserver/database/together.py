"""Reading for all who ask at once: threads that wait for one statement share its next run.

A read by key costs PostgreSQL less than its round trip. So many values in one statement cost little
more than one of them.
"""

import threading
from collections.abc import Callable
from typing import Any

from oidcserver.database.prepared import Together
from oidcserver.database.records import Row
from oidcserver.database.statements import Compiled

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
    """

    def __init__(self, compiled: Compiled, rows: Rows) -> None:
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
        return first(self._compiled, self._rows, parameters)

    def _read(self, batch: _Batch) -> None:
        try:
            columns = map(list, zip(*batch.asked, strict=True))
            asked = dict(zip(self._together.names, columns, strict=True))
            for row in self._rows(self._together, asked):
                batch.found[row[0]] = self._compiled.selected(row[1:])
        except BaseException as problem:
            batch.problem = problem
        finally:
            batch.pending.release()
