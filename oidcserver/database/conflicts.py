"""Conflicts of transactions, which are repeated: the next attempt sees what the other one did.

PostgreSQL ends a transaction that deadlocks and, at its stricter isolation levels, one that could
not have run before or after another. Databases that spread over several machines and speak
PostgreSQL's protocol do so often. Nothing was written then, so another attempt is safe.
"""

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError

Result = TypeVar("Result")

#: SQLSTATE: a serialization failure, a deadlock.
_CONFLICTS = {"40001", "40P01"}
ATTEMPTS = 10
#: Seconds: the longest wait before the second attempt, which doubles up to the longest of all.
_FIRST_WAIT, _LONGEST_WAIT = 0.002, 0.1


def is_conflict(error: Any) -> bool:
    """Whether an error of the driver says that the transaction is to be repeated."""
    return getattr(error, "sqlstate", None) in _CONFLICTS


def repeating(attempt: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function that runs a transaction, again after a conflict; return its result.

    The waits are random, so that those that conflict do not meet again.

    :raises sqlalchemy.exc.DBAPIError: of the last attempt, or at once for any other error.
    """
    wait = _FIRST_WAIT
    for _ in range(ATTEMPTS - 1):
        try:
            return attempt(*arguments)
        except DBAPIError as problem:
            if not is_conflict(problem.orig):
                raise
        time.sleep(random.uniform(0, wait))  # noqa: S311 (no secret)
        wait = min(2 * wait, _LONGEST_WAIT)
    return attempt(*arguments)
