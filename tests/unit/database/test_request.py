"""The database of a request: which statements are alone, and which are in a transaction."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import bindparam, select
from sqlalchemy.exc import OperationalError
from support.app import Provider

from oidcserver.database import AtomicWrite, NewRow, Read
from oidcserver.database.writes import insert_deciding
from oidcserver.models import User

pytestmark = pytest.mark.both_databases

STORE = AtomicWrite(insert_deciding(User))
BY_ID = Read(select(User.username).where(User.id == bindparam("id")))


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider()
    return made


@pytest.fixture
def page(provider: Provider, open_request: Any) -> Any:
    """A request that pyramid_tm manages."""
    with open_request(provider) as request:
        yield request


@pytest.fixture
def request_of_program(provider: Provider, open_request: Any) -> Any:
    """A request that pyramid_tm leaves alone."""
    with open_request(provider) as request:
        del request.environ["tm.active"]
        yield request


def store(database: Any, name: str) -> None:
    assert database.write(STORE, **NewRow(User, id=name, username=name, username_key=name).values)


def fail_in_transaction(database: Any, function: Callable[[], None]) -> None:
    with database.transaction():
        function()
        raise LookupError


def is_there(provider: Provider, name: str) -> bool:
    return provider.registry.oidc.database.read(BY_ID, id=name) is not None


def test_a_statement_is_alone_before_the_transaction_begins_and_in_it_afterwards(
    provider: Provider, page: Any
) -> None:
    store(page.oidc.database, "alone")
    assert is_there(provider, "alone")
    with page.oidc.database.transaction() as dbsession:
        assert dbsession is page.oidc.dbsession
        store(page.oidc.database, "together")
    assert page.oidc.database.read(BY_ID, id="together") == ("together",)
    page.tm.abort()
    page.tm.begin()
    assert not is_there(provider, "together")
    assert page.oidc.database.read(BY_ID, id="together") is None


def test_a_row_that_is_added_makes_a_transaction_of_the_request(
    provider: Provider, page: Any
) -> None:
    page.oidc.dbsession.add(User("added", id="added"))
    page.oidc.dbsession.flush()
    assert page.oidc.database.read(BY_ID, id="added") == ("added",)
    page.oidc.database.commit()
    assert is_there(provider, "added")


def test_without_pyramid_tm_a_transaction_commits_at_its_end(
    provider: Provider, request_of_program: Any
) -> None:
    database = request_of_program.oidc.database
    with database.transaction() as dbsession:
        store(database, "first")
        dbsession.add(User("second", id="second"))
        with database.transaction() as inner:
            assert inner is dbsession is request_of_program.oidc.dbsession
    assert is_there(provider, "first")
    assert is_there(provider, "second")


def test_without_pyramid_tm_an_exception_undoes_a_transaction(
    provider: Provider, request_of_program: Any
) -> None:
    database = request_of_program.oidc.database
    with pytest.raises(LookupError):
        fail_in_transaction(database, lambda: store(database, "first"))
    assert not is_there(provider, "first")
    store(database, "alone")
    assert is_there(provider, "alone")


def test_without_a_transaction_there_is_no_session(request_of_program: Any) -> None:
    with pytest.raises(RuntimeError, match=r"request\.oidc\.database\.transaction"):
        _ = request_of_program.oidc.dbsession


def test_what_must_not_be_undone_is_no_part_of_a_transaction(provider: Provider, page: Any) -> None:
    assert page.oidc.database.alone is provider.registry.oidc.database
    with page.oidc.database.transaction(), pytest.raises(RuntimeError):
        _ = page.oidc.database.alone
    page.oidc.database.commit()
    assert page.oidc.database.alone is provider.registry.oidc.database


def test_a_transaction_of_its_own_cannot_be_ended_within(request_of_program: Any) -> None:
    database = request_of_program.oidc.database
    with database.transaction(), pytest.raises(RuntimeError):
        database.commit()
    database.commit()


def test_the_rows_of_a_session_stay_its_own_through_a_commit(provider: Provider, page: Any) -> None:
    user = User("alice", id="alice")
    page.oidc.dbsession.add(user)
    with page.oidc.database.keeping_rows():
        page.oidc.database.commit()
    user.username = "Alicia"
    page.oidc.database.commit()
    assert provider.registry.oidc.database.read(BY_ID, id="alice") == ("Alicia",)


def test_a_function_is_called_after_the_commit_or_at_once_or_not_at_all(
    page: Any, request_of_program: Any
) -> None:
    called: list[str] = []
    page.oidc.database.after_commit(called.append, "page")
    assert called == []
    page.oidc.database.commit()
    page.oidc.database.after_commit(called.append, "undone page")
    page.tm.abort()
    page.tm.begin()
    database = request_of_program.oidc.database
    database.after_commit(called.append, "at once")
    assert called == ["page", "at once"]
    with database.transaction():
        database.after_commit(called.append, "own")
        assert called == ["page", "at once"]
    with pytest.raises(LookupError):
        fail_in_transaction(database, lambda: database.after_commit(called.append, "undone"))
    assert called == ["page", "at once", "own"]


class Conflict(Exception):
    sqlstate = "40001"


def conflicting(times: int) -> Callable[[Any], None]:
    """Return a function that writes a user, and conflicts so often."""
    left = [times]

    def function(dbsession: Any) -> None:
        dbsession.add(User("run", id="run"))
        dbsession.flush()
        if left[0]:
            left[0] -= 1
            raise OperationalError("UPDATE", {}, Conflict())

    return function


def test_a_function_is_run_again_after_a_conflict(
    provider: Provider, request_of_program: Any
) -> None:
    request_of_program.oidc.database.run(conflicting(3))
    assert is_there(provider, "run")


def test_a_function_is_not_run_for_ever(provider: Provider, request_of_program: Any) -> None:
    with pytest.raises(OperationalError):
        request_of_program.oidc.database.run(conflicting(1000))
    assert not is_there(provider, "run")


def test_in_a_transaction_a_function_is_a_part_of_it(provider: Provider, page: Any) -> None:
    with page.oidc.database.transaction() as dbsession:
        assert page.oidc.database.run(lambda session: session) is dbsession
        with pytest.raises(OperationalError):
            page.oidc.database.run(conflicting(1))


def test_only_the_endpoints_of_programs_have_no_transaction(provider: Provider) -> None:
    paths = provider.registry.oidc.provider.paths_without_transaction
    assert {"/oauth/token", "/oauth/introspect", "/oauth/userinfo", "/oauth/revoke"} <= paths
    assert "/oauth/authorize" not in paths
