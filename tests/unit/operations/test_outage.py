"""The log while the database is down."""

import logging
import sqlite3
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from oidcserver.database.runner import Database
from oidcserver.operations.outage import LINES_PER_MINUTE

LOGGER = "oidcserver.operations.outage"


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(self: Database, compiled: Any, parameters: Any) -> Any:
        reason = sqlite3.OperationalError("unable to open database file\nand more of it")
        raise OperationalError("SELECT", None, reason)

    monkeypatch.setattr(Database, "_rows", rows)


def test_each_request_is_a_line_and_no_more_than_so_many_a_minute(
    make_provider: Any, outage: None, caplog: pytest.LogCaptureFixture, frozen: Any
) -> None:
    client = make_provider().browser()

    def ask() -> None:
        form = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}
        assert client.post("/oauth/token", form, status=503).headers["Retry-After"] == "5"

    def lines() -> list[logging.LogRecord]:
        return [record for record in caplog.records if record.levelno >= logging.ERROR]

    ask()
    [line] = lines()
    assert line.name == LOGGER
    assert line.exc_info is None
    assert line.getMessage().endswith(": unable to open database file")
    for _ in range(LINES_PER_MINUTE + 10):
        ask()
    assert len(lines()) == LINES_PER_MINUTE + 1
    assert "are not logged" in lines()[-1].getMessage()
    frozen.advance(60)
    ask()
    assert len(lines()) == LINES_PER_MINUTE + 2
