"""The built-in user directories."""

import sqlite3
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select
from support.app import Provider

from oidcserver.accounts import directories
from oidcserver.accounts.directories import DatabaseDirectory, DemoDirectory
from oidcserver.accounts.passwords import Busy, hash_password
from oidcserver.models import User
from oidcserver.settings import ConfigurationProblem

PASSWORD = "correct horse battery staple"


def test_demo_lets_any_name_in_and_makes_a_person_of_it(opened: Any) -> None:
    alice = DemoDirectory().authenticate(opened, " Alice ", "valid")
    assert alice is not None
    assert alice.username == "Alice"
    again = DemoDirectory().authenticate(opened, "ALICE", "valid")
    assert again is not None
    assert again.id == alice.id
    assert opened.oidc.dbsession.scalar(select(func.count()).select_from(User)) == 1


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("alice", "wrong"),
        ("alice", ""),
        ("alice", "Valid"),
        ("alice", "vàlid"),
        ("", "valid"),
        ("   ", "valid"),
        ("a" * 255, "valid"),
        ("two\nlines", "valid"),
    ],
)
def test_demo_refuses_another_password_and_what_is_no_name(
    opened: Any, username: str, password: str
) -> None:
    assert DemoDirectory().authenticate(opened, username, password) is None
    assert opened.oidc.dbsession.scalar(select(func.count()).select_from(User)) == 0


def test_demo_refuses_a_disabled_person(opened: Any) -> None:
    with opened.registry.oidc.database.session.begin() as dbsession:
        dbsession.add(User("alice", disabled_at=1))
    assert DemoDirectory().authenticate(opened, "alice", "valid") is None


def test_demo_is_refused_in_production(make_provider: Any) -> None:
    make_provider()  # which makes the schema and the keys that production demands
    with pytest.raises(ConfigurationProblem) as problem:
        make_provider(
            oidcserver__mode="production",
            oidc__issuer="https://login.example",
            oidc__user_directory="demo",
        )
    assert "oidc.user_directory = demo" in str(problem.value)


@pytest.fixture
def people(provider: Provider) -> Iterator[Provider]:
    """Alice with a password, bob without one, carol disabled."""
    with provider.database() as dbsession:
        dbsession.add(User("alice", password_hash=hash_password(PASSWORD)))
        dbsession.add(User("bob"))
        dbsession.add(User("carol", password_hash=hash_password(PASSWORD), disabled_at=1))
    return provider


@pytest.mark.usefixtures("people")
def test_database_knows_a_person_by_name_and_password(opened: Any) -> None:
    user = DatabaseDirectory().authenticate(opened, " ALICE", PASSWORD)
    assert user is not None
    assert user.username == "alice"
    decomposed = unicodedata.normalize("NFD", PASSWORD)
    assert DatabaseDirectory().authenticate(opened, "alice", decomposed) is not None


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("username", "password"),
    [("alice", "wrong"), ("alice", ""), ("bob", PASSWORD), ("carol", PASSWORD), ("dave", PASSWORD)],
)
def test_database_answers_every_other_case_alike(opened: Any, username: str, password: str) -> None:
    assert DatabaseDirectory().authenticate(opened, username, password) is None


def test_neither_lets_a_user_of_another_directory_in(provider: Provider, opened: Any) -> None:
    with provider.database() as dbsession:
        row = User("zoe", realm="ldap", external_id="7", password_hash=hash_password(PASSWORD))
        dbsession.add(row)
    assert DatabaseDirectory().authenticate(opened, "zoe", PASSWORD) is None
    assert DemoDirectory().authenticate(opened, "zoe", "valid") is None


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("username", ["alice", "bob", "carol", "dave"])
def test_database_hashes_once_whoever_is_asked_for(
    opened: Any, username: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    monkeypatch.setattr(directories, "verify_password", lambda *given: bool(calls.append(given)))
    DatabaseDirectory().authenticate(opened, username, "wrong")
    assert len(calls) == 1


@pytest.mark.usefixtures("people")
def test_database_holds_no_transaction_while_a_password_is_hashed(
    provider: Provider, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = provider.registry.oidc.database.engine

    def write_meanwhile(password: str, stored: str | None) -> bool:
        connection = sqlite3.connect(engine.url.database, timeout=0)
        connection.execute("BEGIN IMMEDIATE")
        connection.close()
        return True

    monkeypatch.setattr(directories, "verify_password", write_meanwhile)
    assert DatabaseDirectory().authenticate(opened, "alice", PASSWORD) is not None


def test_database_renews_a_hash_of_old_parameters(provider: Provider, opened: Any) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with provider.database() as dbsession:
        dbsession.add(User("alice", password_hash=weak))
    assert DatabaseDirectory().authenticate(opened, "alice", PASSWORD) is not None
    opened.tm.commit()
    opened.tm.begin()
    assert opened.oidc.dbsession.scalar(select(User.password_hash)) != weak
    opened.tm.commit()
    opened.tm.begin()
    assert DatabaseDirectory().authenticate(opened, "alice", PASSWORD) is not None


def test_a_right_password_does_not_wait_for_its_new_hash(
    provider: Provider, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next sign-in makes it."""
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with provider.database() as dbsession:
        dbsession.add(User("alice", password_hash=weak))

    def busy(password: str) -> str:
        raise Busy(2)

    with monkeypatch.context() as patched:
        patched.setattr(directories, "hash_password", busy)
        assert DatabaseDirectory().authenticate(opened, "alice", PASSWORD) is not None
    assert opened.oidc.dbsession.scalar(select(User.password_hash)) == weak


def test_demo_claims_have_an_address_that_receives_nothing(opened: Any) -> None:
    user = DemoDirectory().authenticate(opened, "alice", "valid")
    claims = DemoDirectory().claims(opened, user)
    assert claims["email"].endswith(".invalid")
    assert claims["email_verified"] is False
