"""The faults that are the database's own, and those that are not."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from oidcserver.database.engine import make_engine
from oidcserver.database.outage import outage


@pytest.mark.parametrize("statement", ["select 1 from nothing_like_it", "select from from"])
def test_a_mistake_in_a_statement_is_no_outage(database_url: str, statement: str) -> None:
    engine = make_engine(database_url)
    with engine.connect() as connection, pytest.raises(DBAPIError) as raised:
        connection.execute(text(statement))
    engine.dispose()
    assert outage(raised.value) is None
