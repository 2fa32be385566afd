"""Every wait for PostgreSQL ends, but that of a migration."""

import logging
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import bindparam, func, select, text, true, update
from sqlalchemy.exc import OperationalError
from support.postgresql import Cluster

from oidcserver.database import AtomicWrite, Database, Read
from oidcserver.database.engine import make_engine
from oidcserver.database.outage import SILENT, outage
from oidcserver.database.postgresql import Connector
from oidcserver.database.timeouts import Timeouts, without_timeouts
from oidcserver.models import Base, User

TOUCH = AtomicWrite(
    update(User).where(User.id == bindparam("key")).values(updated_at=1).returning(User.id)
)
SLEEP = Read(select(func.pg_sleep(20)).where(true()))
LIMITS = Timeouts(connect=2, statement=1, lock=1, answer=5)


@pytest.fixture
def database(postgresql: Cluster) -> Iterator[Database]:
    engine = make_engine(postgresql.new_database(), LIMITS)
    Base.metadata.create_all(engine)
    database = Database(engine)
    with database.session.begin() as dbsession:
        dbsession.add(User("Alice", id="alice"))
    yield database
    engine.dispose()


def shown(connection: Any, name: str) -> str:
    setting: str = connection.exec_driver_sql(f"SHOW {name}").scalar_one()
    return setting


def test_a_row_that_another_holds_is_not_waited_for_long(database: Database) -> None:
    with database.session.begin() as dbsession:
        dbsession.execute(select(User.id).where(User.id == "alice").with_for_update())
        with pytest.raises(OperationalError) as raised:
            database.write(TOUCH, key="alice")
    assert outage(raised.value) == SILENT
    assert database.write(TOUCH, key="alice")


def test_a_statement_does_not_take_long(database: Database) -> None:
    with pytest.raises(OperationalError) as raised:
        database.read(SLEEP)
    assert outage(raised.value) == SILENT
    assert database.write(TOUCH, key="alice")


def test_a_server_that_does_not_keep_its_limits_is_given_up(postgresql: Cluster) -> None:
    engine = make_engine(postgresql.new_database(), Timeouts(2, statement=60, lock=60, answer=1))
    database = Database(engine)
    with pytest.raises(OperationalError, match="did not answer within 1 seconds") as raised:
        database.read(SLEEP)
    assert raised.value.connection_invalidated
    with (
        pytest.raises(OperationalError, match="did not answer within 1 seconds"),
        engine.connect() as connection,
    ):
        connection.execute(text("SELECT pg_sleep(20)"))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    engine.dispose()


def test_each_connection_has_the_limits_and_a_migration_none(database: Database) -> None:
    with database.engine.connect() as connection:
        assert shown(connection, "statement_timeout") == "1s"
        assert shown(connection, "lock_timeout") == "1s"
        assert shown(connection, "idle_in_transaction_session_timeout") == "5s"
        driver: Any = connection.connection.driver_connection
        with without_timeouts(connection):
            assert shown(connection, "statement_timeout") == "0"
            assert driver.patience is None
        connection.commit()
        assert shown(connection, "statement_timeout") == "1s"
        assert driver.patience == 5


def test_a_pooler_that_takes_no_options_gets_none(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str | None] = []

    def open_connection(self: Connector, arguments: Any, parameters: dict[str, Any]) -> str:
        opened.append(parameters.get("options"))
        if "options" in parameters:
            raise psycopg.OperationalError("FATAL:  unsupported startup parameter: options")
        return "connection"

    monkeypatch.setattr(Connector, "_open", open_connection)
    connect = Connector(LIMITS)
    caplog.set_level(logging.WARNING)
    for _ in range(2):
        assert connect(None, None, [], {}) == "connection"
    assert [given is not None for given in opened] == [True, False, False]
    assert "ALTER ROLE" in caplog.text


def test_what_the_url_says_prevails(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[dict[str, Any]] = []
    monkeypatch.setattr(Connector, "_open", lambda _, arguments, given: opened.append(given))
    Connector(LIMITS)(None, None, [], {"connect_timeout": 9, "options": "-c work_mem=8MB"})
    [given] = opened
    assert given["connect_timeout"] == 9
    assert given["tcp_user_timeout"] == 5000
    assert given["options"].endswith("-c work_mem=8MB")
