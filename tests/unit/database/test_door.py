"""Reads and atomic writes alone, over a connection that each thread keeps."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError

import pytest
from sqlalchemy import bindparam, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from oidcserver import clock
from oidcserver.database import AtomicWrite, Database, NewRow, Read, inserting
from oidcserver.database.engine import make_engine
from oidcserver.database.writes import insert_if_new
from oidcserver.models import Base, Client, Throttle, User
from oidcserver.models.client import find_client

BY_NAME = Read(select(User.id, User.claims).where(User.username_key == bindparam("name")))
ADDRESS = {"address": {"country": "\u00d6sterreich"}}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    engine = make_engine(database_url)
    Base.metadata.create_all(engine)
    database = Database(engine)
    with database.session.begin() as dbsession:
        dbsession.add(User("Alice", id="alice", claims=ADDRESS))
        dbsession.add(Client(client_id="client", client_metadata={"client_name": "C"}))
    yield database
    engine.dispose()


def test_a_row_comes_with_its_values_converted(database: Database) -> None:
    for _ in range(2):
        assert database.read(BY_NAME, name="alice") == ("alice", ADDRESS)
    assert database.read(BY_NAME, name="bob") is None


def test_a_record_is_what_a_row_is_and_cannot_be_changed(database: Database) -> None:
    client = find_client(database, "client")
    assert client is not None
    assert client.client_name == "C"
    assert client.resource_server is False
    assert client.secret_digest is None
    with pytest.raises(FrozenInstanceError):
        client.owner_id = "alice"  # type: ignore[misc]
    assert find_client(database, "another") is None


def test_a_row_may_hold_records_and_values(database: Database) -> None:
    statement = Read(
        select(User.id, Client, User.updated_at).join(Client, Client.client_id == "client")
    )
    row = database.read(statement)
    assert row is not None
    user_id, client, updated_at = row
    assert (user_id, client.client_name) == ("alice", "C")
    assert updated_at <= clock.now()


def test_records_of_several_models_do_not_get_each_other_s_columns(database: Database) -> None:
    row = database.read(Read(select(User, Client).join(Client, Client.client_id == "client")))
    assert row is not None
    user, client = row
    assert (user.username, user.claims, client.client_name) == ("Alice", ADDRESS, "C")


def test_what_was_committed_a_moment_ago_is_seen(database: Database) -> None:
    assert find_client(database, "client") is not None
    with database.session.begin() as dbsession:
        dbsession.delete(dbsession.get_one(Client, "client"))
        dbsession.flush()
        assert find_client(database, "client") is not None
    assert find_client(database, "client") is None


def test_each_thread_keeps_a_connection_of_its_own(database: Database) -> None:
    kept = []

    def read() -> None:
        for _ in range(3):
            assert database.read(BY_NAME, name="alice") is not None
            kept.append(database.connections.connection())

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(connection) for connection in kept}) == 4


def test_a_connection_that_was_cut_is_replaced(database: Database) -> None:
    assert find_client(database, "client") is not None
    cut = database.connections.connection()
    cut.driver.close()
    for _ in range(2):
        assert find_client(database, "client") is not None
    assert database.connections.connection() is not cut


@pytest.mark.postgresql
def test_a_connection_that_the_server_ended_is_replaced(database: Database) -> None:
    if database.engine.dialect.name != "postgresql":
        return
    assert find_client(database, "client") is not None
    with database.engine.begin() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(:pid)"),
            {"pid": database.connections.connection().driver.info.backend_pid},
        )
    assert find_client(database, "client") is not None


def test_a_database_that_cannot_be_asked_raises_what_sqlalchemy_would(database: Database) -> None:
    Base.metadata.drop_all(database.engine)
    with pytest.raises(Exception, match="client") as raised:
        find_client(database, "client")
    assert isinstance(raised.value, OperationalError) or "Undefined" in str(raised.value)


def test_it_goes_with_the_engine(database: Database) -> None:
    assert find_client(database, "client") is not None
    kept = database.connections.connection()
    database.engine.dispose()
    with pytest.raises(Exception, match="closed"):
        kept.driver.cursor()


def test_a_row_comes_converted_also_when_the_connection_was_cut(database: Database) -> None:
    assert database.read(BY_NAME, name="alice") == ("alice", ADDRESS)
    database.connections.connection().driver.close()
    assert database.read(BY_NAME, name="alice") == ("alice", ADDRESS)


def test_threads_read_on_while_the_engine_is_disposed_of(database: Database) -> None:
    stop = threading.Event()

    def read() -> int:
        count = 0
        while not stop.is_set():
            assert database.read(BY_NAME, name="alice") is not None
            assert find_client(database, "client") is not None
            count += 1
        return count

    with ThreadPoolExecutor(3) as pool:
        reading = [pool.submit(read) for _ in range(3)]
        for _ in range(50):
            time.sleep(0.005)
            database.engine.dispose()
        stop.set()
        assert min(future.result() for future in reading) > 0


def test_a_write_and_what_follows_from_it_is_done_or_not(database: Database) -> None:
    write = AtomicWrite(insert_if_new(User)).also(inserting(Client))
    bob = NewRow(User, id="bob", username="Bob", username_key="bob").values
    with pytest.raises(IntegrityError):
        database.write(write, **bob, **NewRow(Client, client_id="client").values)
    assert database.read(BY_NAME, name="bob") is None
    assert database.write(write, **bob, **NewRow(Client, client_id="bob's").values)
    assert find_client(database, "bob's") is not None
    assert not database.write(write, **bob, **NewRow(Client, client_id="another").values)
    assert find_client(database, "another") is None


def test_a_combination_is_made_once(database: Database) -> None:
    write = AtomicWrite(insert_if_new(User))
    assert write.also(inserting(Client)) is write.also(inserting(Client))
    assert write.also(inserting(Client), inserting(Throttle)) is not write.also(inserting(Client))
    assert write.also() is write


def test_two_that_follow_never_write_to_one_table(database: Database) -> None:
    write = AtomicWrite(insert_if_new(User), inserting(Client))
    with pytest.raises(AssertionError, match="client"):
        write.also(inserting(Client))


def test_two_parts_never_take_one_value(database: Database) -> None:
    with pytest.raises(AssertionError, match="user_account_id"):
        AtomicWrite(insert_if_new(User), inserting(User))


def test_a_row_is_not_forgotten_by_a_write_that_does_not_take_it(database: Database) -> None:
    bob = NewRow(User, id="bob", username="Bob", username_key="bob").values
    with pytest.raises(AssertionError, match="client_client_id"):
        database.write(AtomicWrite(insert_if_new(User)), **bob, **NewRow(Client).values)
