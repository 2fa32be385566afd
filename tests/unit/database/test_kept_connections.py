"""The connections that threads keep: what they run, what they raise, and what a pooler may do."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, bindparam, literal_column, select
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from oidcserver.database import NewRow
from oidcserver.database.connections import KeptConnections
from oidcserver.database.engine import make_engine
from oidcserver.database.statements import Compiled
from oidcserver.database.writes import insert_deciding
from oidcserver.models import Base, User

ID: Any = select(User.id).where(User.username_key == bindparam("name"))
INSERT = insert_deciding(User)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    Base.metadata.create_all(engine)
    with Session(engine) as dbsession, dbsession.begin():
        dbsession.add(User("Alice", id="alice"))
    yield engine
    engine.dispose()


class Connections(KeptConnections):
    """Runs statements that are not compiled yet."""

    def first(self, statement: Any, **parameters: Any) -> Any:
        rows = self.rows(Compiled(self.engine, statement), parameters)
        return rows[0] if rows else None


@pytest.fixture
def connections(engine: Engine) -> Connections:
    return Connections(engine)


def new_row(key: str) -> dict[str, Any]:
    return NewRow(User, id=key, username=key, username_key=key).values


def test_a_percent_sign_in_a_statement_is_one(connections: Connections) -> None:
    half = literal_column("'50% %s'").label("half")
    assert connections.first(select(half)) == ("50% %s",)
    of_alice = select(half, User.id).where(User.id == bindparam("key"))
    for _ in range(2):
        assert connections.first(of_alice, key="alice") == ("50% %s", "alice")


def test_a_row_that_breaks_a_rule_is_no_lost_connection(connections: Connections) -> None:
    assert connections.first(INSERT, **new_row("bob")) == ("bob",)
    with pytest.raises(IntegrityError) as raised:
        connections.first(INSERT, **new_row("bob"))
    assert not raised.value.connection_invalidated
    assert connections.first(ID, name="bob") == ("bob",)


def test_what_was_cut_is_a_lost_connection_and_not_run_again(connections: Connections) -> None:
    assert connections.first(ID, name="alice") is not None
    connections.connection().driver.close()
    with pytest.raises(DBAPIError) as raised:
        connections.first(INSERT, **new_row("bob"))
    assert raised.value.connection_invalidated
    assert connections.first(ID, name="bob") is None


def test_a_database_that_is_not_there_raises_what_sqlalchemy_would(
    database_url: str, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere"
    url = f"sqlite:///{nowhere}/x"
    if database_url.startswith("postgresql"):
        url = f"postgresql+psycopg://tests@/x?host={nowhere}"
    with pytest.raises(OperationalError):
        Connections(make_engine(url)).first(ID, name="alice")


class InTurn:
    """libpq's connection to a pooler, which hands each message to the next of several."""

    def __init__(self, connections: list[Any]) -> None:
        self._connections = [connection.pgconn for connection in connections]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("send_"):
            self._connections.append(self._connections.pop(0))
        return getattr(self._connections[-1], name)

    def poll(self, timeout: float) -> bool:
        return True


@pytest.mark.postgresql
@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_pooler_may_hand_each_statement_to_another_connection(engine: Engine, count: int) -> None:
    if engine.dialect.name != "postgresql":
        return
    servers = [Connections(engine) for _ in range(count)]
    for number, server in enumerate(servers):
        if number % 2:  # it knows the statements already, from another of the pooler's clients
            server.first(ID, name="alice")
            server.first(INSERT, **new_row(f"before-{number}"))
    connections = Connections(engine)
    pgconn: Any = InTurn([server.connection().driver for server in servers])
    statements = connections.connection().prepared
    statements.pgconn = statements._readable = pgconn
    for number in range(4 * count):
        name = f"name-{number}"
        assert connections.first(INSERT, **new_row(name)) == (name,)
        assert connections.first(ID, name=name) == (name,)


FORK = """
import os, sys
from sqlalchemy import text
from oidcserver.database import NewRow
from oidcserver.database.connections import KeptConnections
from oidcserver.database.engine import make_engine

engine = make_engine(sys.argv[1])
connections = KeptConnections(engine)
def both():
    kept = connections.connection()
    assert kept.driver.cursor().execute("SELECT 1").fetchall() == [(1,)]
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        return {id(kept.driver), id(connection.connection.driver_connection)}

before = both()
child = os.fork()
if child == 0:
    sys.exit(0 if before.isdisjoint(both()) else 1)  # which closes what is the child's
assert os.waitpid(child, 0)[1] == 0, "the child used its parent's connections"
assert both() == before, "the child closed its parent's connections"
"""


def test_a_forked_process_has_connections_of_its_own(database_url: str) -> None:
    command = [sys.executable, "-c", FORK, database_url]
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr.decode()
