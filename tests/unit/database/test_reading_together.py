"""Reads of several threads at once that PostgreSQL gets as one statement."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, bindparam, select
from sqlalchemy.exc import TimeoutError
from sqlalchemy.orm import Session
from support.postgresql import Cluster

from oidcserver.database import Database, Read, together
from oidcserver.database.connections import KeptConnections
from oidcserver.database.engine import make_engine
from oidcserver.database.prepared import Together
from oidcserver.models import Base, Client, User
from oidcserver.models.client import find_client

OWNED_BY = Read(
    select(Client, User, User.claims)
    .join(User, User.id == Client.owner_id)
    .where(
        Client.client_id == bindparam("client"),
        Client.updated_at >= bindparam("since"),
        User.username.not_like("100 %"),
        User.disabled_at.is_(None),
    ),
    together=True,
)


@pytest.fixture
def engine(postgresql: Cluster) -> Iterator[Engine]:
    engine = make_engine(postgresql.new_database())
    Base.metadata.create_all(engine)
    with Session(engine) as dbsession, dbsession.begin():
        dbsession.add(Client(client_id="client", client_metadata={"client_name": "C"}))
    yield engine
    engine.dispose()


class SlowConnections(KeptConnections):
    """Counts the statements, of which each waits until it may run."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.statements: list[int] = []
        self.begun, self.may_run = threading.Semaphore(0), threading.Semaphore(0)
        self.refused = ""

    def rows(self, compiled: Any, parameters: dict[str, Any]) -> Any:
        together = isinstance(compiled, Together)
        values = next(iter(parameters.values()))
        self.statements.append(len(values) if together else 1)
        self.begun.release()
        assert self.may_run.acquire(timeout=30)
        if self.refused and self.refused in values:
            raise RuntimeError("the database burns")
        return super().rows(compiled, parameters)


class Asking:
    """Threads that ask for a client each."""

    def __init__(self, database: Database, keys: list[str], statement: Read | None = None) -> None:
        self.answers: dict[str, Any] = {}
        self._database, self._statement = database, statement
        self._threads = [threading.Thread(target=self._ask, args=(key,)) for key in keys]
        for thread in self._threads:
            thread.start()

    def _ask(self, key: str) -> None:
        try:
            if self._statement is None:
                self.answers[key] = find_client(self._database, key)
            else:
                self.answers[key] = self._database.read(self._statement, client=key, since=0)
        except (RuntimeError, TimeoutError) as problem:
            self.answers[key] = problem

    def wait(self) -> dict[str, Any]:
        for thread in self._threads:
            thread.join(30)
        return self.answers


def slow(engine: Engine) -> tuple[Database, SlowConnections]:
    """Return a database whose statements each wait until they may run."""
    database = Database(engine)
    database.connections = connections = SlowConnections(engine)
    return database, connections


def wait_until_asked(database: Database, count: int) -> None:
    """Wait until so many are asked for while a statement runs."""
    [shared] = database._shared.values()
    deadline = time.monotonic() + 30
    while len(shared._next.asked) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_who_asks_while_a_statement_runs_is_answered_by_one_more(engine: Engine) -> None:
    database, connections = slow(engine)
    first = Asking(database, ["client"])
    assert connections.begun.acquire(timeout=30)
    with Session(engine) as dbsession, dbsession.begin():
        dbsession.add(Client(client_id="new"))
    others = Asking(database, ["client", "new", "nobody"])
    wait_until_asked(database, 3)
    for _ in range(2):
        connections.may_run.release()
    [client] = first.wait().values()
    answers = others.wait()
    assert answers["client"] is client
    assert answers["new"].client_id == "new"
    assert answers["nobody"] is None
    assert connections.statements == [1, 3]


def test_each_gets_the_objects_and_values_of_its_own_rows(engine: Engine) -> None:
    with Session(engine) as dbsession, dbsession.begin():
        for name in ("alice", "bob", "100 %"):
            dbsession.add(User(name, id=name, claims={"name": name}))
            dbsession.add(Client(client_id=f"{name}'s", owner_id=name))
    database, connections = slow(engine)
    first = Asking(database, ["client"], OWNED_BY)
    assert connections.begun.acquire(timeout=30)
    others = Asking(database, ["bob's", "client", "alice's", "100 %'s"], OWNED_BY)
    wait_until_asked(database, 4)
    for _ in range(2):
        connections.may_run.release()
    assert first.wait() == {"client": None}
    answers = others.wait()
    for name in ("alice", "bob"):
        client, user, claims = answers[f"{name}'s"]
        assert (client.client_id, user.id) == (f"{name}'s", name)
        assert claims == user.claims == {"name": name}
    assert (answers["client"], answers["100 %'s"]) == (None, None)
    assert connections.statements == [1, 4]


def test_who_asks_after_a_change_does_not_get_what_was_before(engine: Engine) -> None:
    database, connections = slow(engine)
    first = Asking(database, ["client"])
    assert connections.begun.acquire(timeout=30)
    connections.may_run.release()
    first.wait()
    blocked = Asking(database, ["nobody"])
    assert connections.begun.acquire(timeout=30)
    with Session(engine) as dbsession, dbsession.begin():
        dbsession.delete(dbsession.get_one(Client, "client"))
    after = Asking(database, ["client"])
    for _ in range(2):
        connections.may_run.release()
    blocked.wait()
    assert after.wait() == {"client": None}


def test_nobody_fails_by_what_somebody_else_asks(engine: Engine) -> None:
    database, connections = slow(engine)
    connections.refused = "bad"
    first = Asking(database, ["client"])
    assert connections.begun.acquire(timeout=30)
    others = Asking(database, ["client", "bad", "nobody"])
    wait_until_asked(database, 3)
    for _ in range(5):
        connections.may_run.release()
    assert first.wait()["client"].client_id == "client"
    answers = others.wait()
    assert str(answers["bad"]) == "the database burns"
    assert answers["client"].client_id == "client"
    assert answers["nobody"] is None
    assert connections.statements == [1, 3, 1, 1, 1]


def test_no_more_are_asked_for_at_once_than_is_allowed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "MOST", 2)
    database, connections = slow(engine)
    first = Asking(database, ["client"])
    assert connections.begun.acquire(timeout=30)
    others = [Asking(database, [name]) for name in ("client", "one", "two")]
    wait_until_asked(database, 1)
    for _ in range(3):
        connections.may_run.release()
    for asking in (first, *others):
        asking.wait()
    assert sorted(connections.statements) == [1, 1, 2]


def test_nobody_waits_for_others_without_an_end(engine: Engine) -> None:
    database, connections = slow(engine)
    database._patience = 0.2
    first = Asking(database, ["client"])
    assert connections.begun.acquire(timeout=30)
    others = Asking(database, ["client", "nobody"])
    assert {str(answer) for answer in others.wait().values()} == {together.WAITED}
    connections.may_run.release()
    [client] = first.wait().values()
    assert client.client_id == "client"
    again = Asking(database, ["client"])
    connections.may_run.release()
    assert again.wait()["client"].client_id == "client"


def test_any_text_can_be_asked_for_together(engine: Engine) -> None:
    odd = ['"', "\\", '\\"', "{a,b}", "a,b", "NULL", "", " ", "\n", "\u00d6\U0001f512", "%s $1 :x"]
    with Session(engine) as dbsession, dbsession.begin():
        dbsession.add_all(Client(client_id=name, owner_id="x") for name in odd)
    database, connections = slow(engine)
    first = Asking(database, ["client"])
    assert connections.begun.acquire(timeout=30)
    others = Asking(database, odd)
    wait_until_asked(database, len(odd))
    for _ in range(2):
        connections.may_run.release()
    first.wait()
    assert {name: client.client_id for name, client in others.wait().items()} == {
        name: name for name in odd
    }
    assert connections.statements == [1, len(odd)]


def test_the_same_row_is_the_same_object_and_a_changed_row_another(engine: Engine) -> None:
    database = Database(engine)
    first = find_client(database, "client")
    assert first is not None
    assert find_client(database, "client") is first
    with Session(engine) as dbsession, dbsession.begin():
        dbsession.get_one(Client, "client").client_metadata = {"client_name": "D"}
    changed = find_client(database, "client")
    assert changed is not None
    assert (first.client_name, changed.client_name) == ("C", "D")


def test_a_text_that_is_longer_than_its_column_is_not_cut(engine: Engine) -> None:
    with Session(engine) as dbsession, dbsession.begin():
        dbsession.add(Client(client_id="c" * 64))
    database = Database(engine)
    assert find_client(database, "c" * 64) is not None
    assert find_client(database, "c" * 65) is None
