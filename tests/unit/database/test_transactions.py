"""A transaction manager whose transaction begins with whoever takes part in it."""

from typing import Any

import pytest
import transaction
from transaction.interfaces import AlreadyInTransaction, NoTransaction

from oidcserver.database.transactions import TransactionOnDemand


@pytest.fixture
def manager() -> TransactionOnDemand:
    return TransactionOnDemand()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The transactions that were made."""
    made: list[Any] = []
    init = transaction.Transaction.__init__

    def remember(self: Any, *args: Any, **kw: Any) -> None:
        made.append(self)
        init(self, *args, **kw)

    monkeypatch.setattr(transaction.Transaction, "__init__", remember)
    return made


@pytest.mark.parametrize("end", ["commit", "abort"])
def test_where_nobody_takes_part_none_is_made(
    manager: TransactionOnDemand, made: list[Any], end: str
) -> None:
    for _ in range(2):
        manager.begin().note("/oauth/token")
        assert not manager.isDoomed()
        getattr(manager, end)()
    assert made == []


@pytest.mark.parametrize(("end", "committed"), [("commit", True), ("abort", False)])
def test_whoever_takes_part_hears_of_the_end(
    manager: TransactionOnDemand, made: list[Any], end: str, committed: bool
) -> None:
    heard: list[bool] = []
    manager.begin()
    own = manager.get()
    own.addAfterCommitHook(heard.append)
    own.addAfterAbortHook(lambda: heard.append(False))
    assert manager.get() is own
    getattr(manager, end)()
    assert heard == [committed]
    assert made == [own]
    manager.begin()
    assert manager.get() is not own


def test_a_doomed_one_can_only_be_aborted(manager: TransactionOnDemand) -> None:
    manager.begin()
    manager.doom()
    assert manager.isDoomed()
    with pytest.raises(transaction.interfaces.DoomedTransaction):
        manager.commit()
    manager.abort()
    manager.begin()
    assert not manager.isDoomed()


def test_one_begins_after_the_other(manager: TransactionOnDemand) -> None:
    manager.begin()
    with pytest.raises(AlreadyInTransaction):
        manager.begin()
    manager.get()
    with pytest.raises(AlreadyInTransaction):
        manager.begin()
    manager.abort()
    manager.begin()


def test_there_is_none_outside_of_one(manager: TransactionOnDemand) -> None:
    with pytest.raises(NoTransaction):
        manager.get()
    manager.begin()
    manager.commit()
    for call in (manager.get, manager.commit, manager.abort):
        with pytest.raises(NoTransaction):
            call()
