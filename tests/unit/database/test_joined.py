"""Reads and atomic writes in the transaction of a session."""

from collections.abc import Iterator

import pytest
from sqlalchemy import bindparam, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from oidcserver import clock
from oidcserver.database import AtomicWrite, Database, NewRow, Read
from oidcserver.database.engine import make_engine
from oidcserver.database.writes import insert_deciding, insert_if_new
from oidcserver.models import Base, Client, User

BY_NAME = Read(select(User).where(User.username_key == bindparam("name")))
CLAIMS = Read(select(User.claims).where(User.id == bindparam("key")))
STORE = AtomicWrite(insert_deciding(User))
STORE_IF_NEW = AtomicWrite(insert_if_new(User))
RENAME = AtomicWrite(
    update(User)
    .where(User.id == bindparam("key"))
    .values(username=bindparam("new"), claims=bindparam("said"), updated_at=bindparam("now"))
    .returning(User.id)
)
ADDRESS = {"address": {"country": "\u00d6sterreich"}}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    engine = make_engine(database_url)
    Base.metadata.create_all(engine)
    yield Database(engine)
    engine.dispose()


@pytest.fixture
def dbsession(database: Database) -> Iterator[Session]:
    with database.session() as dbsession:
        yield dbsession


def add_alice(database: Database, dbsession: Session, write: AtomicWrite = STORE) -> bool:
    alice = NewRow(User, id="alice", username="Alice", username_key="alice")
    return database.within(dbsession).write(write, **alice.values)


def test_the_record_of_a_new_row_has_its_defaults(database: Database, dbsession: Session) -> None:
    row = NewRow(Client, client_metadata={"client_name": "C"})
    assert database.within(dbsession).write(AtomicWrite(insert_deciding(Client)), **row.values)
    client = row.record()
    assert client.client_id
    assert client.client_id_issued_at <= clock.now()
    assert client.resource_server is False
    assert client.owner_id is None
    assert dbsession.get_one(Client, client.client_id).client_name == client.client_name == "C"


def test_a_transaction_reads_what_it_wrote_and_nobody_else_does(
    database: Database, dbsession: Session
) -> None:
    add_alice(database, dbsession)
    (user,) = database.within(dbsession).read(BY_NAME, name="alice")
    assert user.username == "Alice"
    dbsession.rollback()
    with database.session() as other:
        assert database.within(other).read(BY_NAME, name="alice") is None


def test_values_are_converted(database: Database, dbsession: Session) -> None:
    add_alice(database, dbsession)
    joined = database.within(dbsession)
    changed = {"key": "alice", "new": "Alicia", "said": ADDRESS, "now": 1}
    for _ in range(2):
        assert joined.write(RENAME, **changed)
        assert joined.read(CLAIMS, key="alice") == (ADDRESS,)
    assert not joined.write(RENAME, **{**changed, "key": "bob"})
    dbsession.commit()
    assert dbsession.get_one(User, "alice").claims == ADDRESS


def test_a_row_that_is_there_is_an_error_or_decided_against(
    database: Database, dbsession: Session
) -> None:
    assert add_alice(database, dbsession, STORE_IF_NEW)
    assert not add_alice(database, dbsession, STORE_IF_NEW)
    with pytest.raises(IntegrityError):
        add_alice(database, dbsession)


@pytest.mark.postgresql
def test_a_connection_that_the_server_ended_leaves_the_pool(database: Database) -> None:
    if database.engine.dialect.name != "postgresql":
        return
    with database.session() as dbsession:
        pid = dbsession.scalar(text("SELECT pg_backend_pid()"))
        with database.engine.begin() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        with pytest.raises(DBAPIError) as raised:
            database.within(dbsession).read(BY_NAME, name="alice")
        assert raised.value.connection_invalidated
    with database.session() as dbsession:
        assert database.within(dbsession).read(BY_NAME, name="alice") is None
