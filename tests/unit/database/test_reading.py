"""The reader: rows over a connection that each thread keeps."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, bindparam, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from oidcserver import clock
from oidcserver.database.connections import KeptConnections
from oidcserver.database.engine import make_engine
from oidcserver.database.reading import Reader
from oidcserver.models import Base, Client, User

BY_NAME = select(User.id, User.claims).where(User.username_key == bindparam("name"))
ADDRESS = {"address": {"country": "\u00d6sterreich"}}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    Base.metadata.create_all(engine)
    with Session(engine) as dbsession, dbsession.begin():
        dbsession.add(User("Alice", id="alice", claims=ADDRESS))
        dbsession.add(Client(client_id="client", client_metadata={"client_name": "C"}))
    yield engine
    engine.dispose()


@pytest.fixture
def connections(engine: Engine) -> KeptConnections:
    return KeptConnections(engine)


@pytest.fixture
def reader(connections: KeptConnections) -> Reader:
    return Reader(connections)


def test_a_row_comes_with_its_values_converted(reader: Reader) -> None:
    for _ in range(2):
        assert reader.first(BY_NAME, name="alice") == ("alice", ADDRESS)
    assert reader.first(BY_NAME, name="bob") is None


def test_an_object_is_like_one_of_the_orm_and_belongs_to_no_session(reader: Reader) -> None:
    client = reader.get(Client, "client")
    assert client is not None
    assert client.client_name == "C"
    assert client.resource_server is False
    assert client.secret_digest is None
    assert Session.object_session(client) is None
    assert reader.get(Client, "another") is None


def test_a_row_may_hold_objects_and_values(reader: Reader) -> None:
    statement = select(User.id, Client, User.updated_at).join(Client, Client.client_id == "client")
    row = reader.first(statement)
    assert row is not None
    user_id, client, updated_at = row
    assert (user_id, client.client_name) == ("alice", "C")
    assert updated_at <= clock.now()


def test_objects_of_several_models_do_not_get_each_other_s_columns(reader: Reader) -> None:
    row = reader.first(select(User, Client).join(Client, Client.client_id == "client"))
    assert row is not None
    user, client = row
    assert (user.username, user.claims, client.client_name) == ("Alice", ADDRESS, "C")


def test_what_was_committed_a_moment_ago_is_seen(engine: Engine, reader: Reader) -> None:
    assert reader.get(Client, "client") is not None
    with Session(engine) as dbsession, dbsession.begin():
        dbsession.delete(dbsession.get_one(Client, "client"))
        dbsession.flush()
        assert reader.get(Client, "client") is not None
    assert reader.get(Client, "client") is None


def test_each_thread_keeps_a_connection_of_its_own(
    reader: Reader, connections: KeptConnections
) -> None:
    kept = []

    def read() -> None:
        for _ in range(3):
            assert reader.first(BY_NAME, name="alice") is not None
            kept.append(connections.connection())

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(connection) for connection in kept}) == 4


def test_a_connection_that_was_cut_is_replaced(
    reader: Reader, connections: KeptConnections
) -> None:
    assert reader.get(Client, "client") is not None
    cut = connections.connection()
    cut.driver.close()
    for _ in range(2):
        assert reader.get(Client, "client") is not None
    assert connections.connection() is not cut


@pytest.mark.postgresql
def test_a_connection_that_the_server_ended_is_replaced(
    engine: Engine, reader: Reader, connections: KeptConnections
) -> None:
    if engine.dialect.name != "postgresql":
        return
    assert reader.get(Client, "client") is not None
    with engine.begin() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(:pid)"),
            {"pid": connections.connection().driver.get_backend_pid()},
        )
    assert reader.get(Client, "client") is not None


def test_a_database_that_cannot_be_asked_raises_what_sqlalchemy_would(engine: Engine) -> None:
    reader = Reader(KeptConnections(engine))
    Base.metadata.drop_all(engine)
    with pytest.raises(Exception, match="client") as raised:
        reader.get(Client, "client")
    assert isinstance(raised.value, OperationalError) or "Undefined" in str(raised.value)


def test_it_goes_with_the_engine(
    engine: Engine, reader: Reader, connections: KeptConnections
) -> None:
    assert reader.get(Client, "client") is not None
    kept = connections.connection()
    engine.dispose()
    with pytest.raises(Exception, match="closed"):
        kept.driver.cursor()


def test_a_row_comes_converted_also_when_the_connection_was_cut(
    reader: Reader, connections: KeptConnections
) -> None:
    assert reader.first(BY_NAME, name="alice") == ("alice", ADDRESS)
    connections.connection().driver.close()
    assert reader.first(BY_NAME, name="alice") == ("alice", ADDRESS)


def test_a_read_is_part_of_the_transaction_that_its_thread_has_begun(
    engine: Engine, reader: Reader
) -> None:
    by_key = select(Client).where(Client.client_id == bindparam("key"))
    with Session(engine) as dbsession:
        assert reader.get(Client, "new") is None
        dbsession.add(Client(client_id="new", client_metadata={"client_name": "N"}))
        dbsession.flush()
        reader.join(dbsession)
        found = reader.get(Client, "new")
        assert found is not None
        assert found.client_name == "N"
        assert Session.object_session(found) is None
        assert reader.first(by_key, key="new") is not None
        with ThreadPoolExecutor(1) as another_thread:
            assert another_thread.submit(reader.get, Client, "new").result() is None
        dbsession.rollback()
        reader.join(None)
        assert reader.get(Client, "new") is None
        assert reader.first(by_key, key="new") is None


def test_a_read_in_a_transaction_takes_no_other_connection(
    engine: Engine, reader: Reader, connections: KeptConnections
) -> None:
    with Session(engine) as dbsession:
        dbsession.connection()
        reader.join(dbsession)
        assert reader.get(Client, "client") is not None
        assert reader.first(BY_NAME, name="alice") is not None
        assert len(connections._kept) == 0


def test_threads_read_on_while_the_engine_is_disposed_of(engine: Engine, reader: Reader) -> None:
    stop = threading.Event()

    def read() -> int:
        count = 0
        while not stop.is_set():
            assert reader.first(BY_NAME, name="alice") is not None
            assert reader.get(Client, "client") is not None
            count += 1
        return count

    with ThreadPoolExecutor(3) as pool:
        reading = [pool.submit(read) for _ in range(3)]
        for _ in range(50):
            time.sleep(0.005)
            engine.dispose()
        stop.set()
        assert min(future.result() for future in reading) > 0
