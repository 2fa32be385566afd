"""Transactions that begin where somebody takes part in them.

Most requests read a row or two by themselves and write nothing. To begin and to commit a
transaction that nothing joined takes a twentieth of their time.
"""

from typing import Any

from transaction import TransactionManager
from transaction.interfaces import AlreadyInTransaction

from oidcserver.types import Request


class TransactionOnDemand(TransactionManager):
    """A manager, for one request, whose transaction is made when it is asked for."""

    def __init__(self) -> None:
        super().__init__(explicit=True)
        self._due = False

    def begin(self) -> Any:
        """Let a transaction begin with the first ``get``.

        :raises transaction.interfaces.AlreadyInTransaction: if the last one has not ended.
        """
        if self._due or self._txn is not None:
            raise AlreadyInTransaction
        self._due = True
        return self

    def note(self, text: str) -> None:
        """Leave out what ``pyramid_tm`` notes: the path of the request, which no database reads."""

    def get(self) -> Any:
        """Return the transaction, which begins now if it has not.

        :raises transaction.interfaces.NoTransaction: if none was to begin.
        """
        if self._due:
            self._due = False
            super().begin()
        return super().get()

    def isDoomed(self) -> bool:  # noqa: N802 (the name of transaction's interface)
        """Return whether it can only be aborted."""
        return self._txn is not None and bool(super().isDoomed())

    def commit(self) -> None:
        """Commit it, if it has begun."""
        if not self._cancel():
            super().commit()

    def abort(self) -> None:
        """Abort it, if it has begun."""
        if not self._cancel():
            super().abort()

    def _cancel(self) -> bool:
        due, self._due = self._due, False
        return due


def manage_on_demand(request: Request) -> TransactionOnDemand:
    """Return the manager of a request (``tm.manager_hook`` of ``pyramid_tm``)."""
    return TransactionOnDemand()
