"""The engine: what its errors and its files give away."""

import os
import stat
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from oidcserver.database.connections import KeptConnections
from oidcserver.database.engine import make_engine
from oidcserver.database.statements import wrapped_error

SECRET = "the-value-of-a-nonce"


def everything(error: BaseException) -> str:
    """Return what a traceback would show of an error and of what it came from."""
    chain = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
    return " ".join(str(each) for each in chain)


def test_an_error_holds_no_value(database_url: str) -> None:
    engine = make_engine(database_url)
    insert = text("INSERT INTO once VALUES (:value)")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE once (value VARCHAR(99) PRIMARY KEY)"))
        connection.execute(insert, {"value": SECRET})
    with pytest.raises(DBAPIError) as raised, engine.begin() as connection:
        connection.execute(insert, {"value": SECRET})
    assert "once" in everything(raised.value)
    assert SECRET not in everything(raised.value)
    engine.dispose()


def test_an_error_of_a_kept_connection_holds_no_value(database_url: str) -> None:
    engine = make_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE once (value VARCHAR(99) PRIMARY KEY)"))
    kept = KeptConnections(engine).connection()
    cursor = kept.driver.cursor()
    cursor.execute(f"INSERT INTO once VALUES ('{SECRET}')")
    error_type = engine.dialect.loaded_dbapi.Error  # type: ignore[union-attr]
    with pytest.raises(error_type) as raised:
        cursor.execute(f"INSERT INTO once VALUES ('{SECRET}')")
    wrapped = wrapped_error(engine, cursor.connection, raised.value, "INSERT INTO once VALUES (?)")
    assert SECRET not in everything(wrapped) + everything(raised.value)
    kept.close()
    engine.dispose()


def test_a_new_sqlite_file_and_those_beside_it_are_for_their_owner_alone(tmp_path: Path) -> None:
    umask = os.umask(0o000)
    try:
        engine = make_engine(f"sqlite:///{tmp_path / 'new.sqlite'}")
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE t (x INTEGER)"))
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(umask)
    engine.dispose()
    assert modes == dict.fromkeys(("new.sqlite", "new.sqlite-wal", "new.sqlite-shm"), 0o600)


def test_the_mode_of_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    path.touch(0o640)
    path.chmod(0o640)
    engine = make_engine(f"sqlite:///{path}")
    with engine.connect():
        pass
    engine.dispose()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
