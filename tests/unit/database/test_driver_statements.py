"""Statements at the driver's own cost, inside of a session's transaction."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, bindparam, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from oidcserver import clock
from oidcserver.database.decisions import NewRow
from oidcserver.database.engine import make_engine
from oidcserver.database.statements import Transaction
from oidcserver.models import Base, Client, User

BY_NAME: Any = select(User).where(User.username_key == bindparam("name"))
RENAME: Any = (
    update(User)
    .where(User.id == bindparam("key"))
    .values(username=bindparam("new"), claims=bindparam("said"), updated_at=bindparam("now"))
    .returning(User.username, User.claims)
)
ADDRESS = {"address": {"country": "\u00d6sterreich"}}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def dbsession(engine: Engine) -> Iterator[Session]:
    with Session(engine) as dbsession:
        yield dbsession


def add_alice(dbsession: Session) -> None:
    NewRow(User, id="alice", username="Alice", username_key="alice").insert(dbsession)


def test_an_inserted_row_has_its_defaults_and_belongs_to_no_session(dbsession: Session) -> None:
    row = NewRow(Client, client_metadata={"client_name": "C"})
    row.insert(dbsession)
    client = row.object()
    assert client.client_id
    assert client.client_id_issued_at <= clock.now()
    assert client.resource_server is False
    assert client.owner_id is None
    assert Session.object_session(client) is None
    stored = dbsession.get_one(Client, client.client_id)
    assert stored is not client
    assert stored.client_name == "C"


def test_a_transaction_reads_what_it_wrote_and_nobody_else_does(
    engine: Engine, dbsession: Session
) -> None:
    add_alice(dbsession)
    (user,) = Transaction(dbsession).first(BY_NAME, name="alice")
    assert user.username == "Alice"
    dbsession.rollback()
    with Session(engine) as other:
        assert Transaction(other).first(BY_NAME, name="alice") is None


def test_what_a_statement_returns_is_converted(dbsession: Session) -> None:
    add_alice(dbsession)
    changed = {"key": "alice", "new": "Alicia", "said": ADDRESS, "now": 1}
    for _ in range(2):
        assert Transaction(dbsession).first(RENAME, **changed) == ("Alicia", ADDRESS)
    assert Transaction(dbsession).first(RENAME, **{**changed, "key": "bob"}) is None
    dbsession.commit()
    assert dbsession.get_one(User, "alice").claims == ADDRESS


def test_a_statement_that_fails_raises_what_sqlalchemy_would(dbsession: Session) -> None:
    add_alice(dbsession)
    with pytest.raises(IntegrityError):
        add_alice(dbsession)


@pytest.mark.postgresql
def test_a_connection_that_the_server_ended_leaves_the_pool(engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        return
    with Session(engine) as dbsession:
        pid = dbsession.scalar(text("SELECT pg_backend_pid()"))
        with engine.begin() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        with pytest.raises(DBAPIError) as raised:
            Transaction(dbsession).first(BY_NAME, name="alice")
        assert raised.value.connection_invalidated
    with Session(engine) as dbsession:
        assert Transaction(dbsession).first(BY_NAME, name="alice") is None
