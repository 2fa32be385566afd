"""One way to check a password, and how often it may be tried."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select
from support.app import Provider

from oidcserver.accounts import authentication, passwords
from oidcserver.accounts.foreign_hashes import Pbkdf2Hash
from oidcserver.accounts.hash_costs import HashTimes
from oidcserver.accounts.passwords import Busy, hash_password
from oidcserver.credentials import digest
from oidcserver.http.throttling import TooManyAttempts
from oidcserver.interfaces import DirectoryUser
from oidcserver.models import Throttle, User
from oidcserver.models.user import normalise_username
from oidcserver.oauth.events import OAuthEvent

OpenRequest = Callable[..., AbstractContextManager[Any]]


class CountingDirectory:
    """Knows one password for everybody, and counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def authenticate(self, request: Any, username: str, password: str) -> Any:
        self.asked.append((username, password))
        known = DirectoryUser(normalise_username(username), username)
        return known if password == "right" else None


@pytest.fixture
def directory(provider: Provider) -> CountingDirectory:
    counting = CountingDirectory()
    provider.registry.oidc.provider.user_directory = counting
    return counting


def test_the_right_password_gives_the_person(opened: Any, directory: CountingDirectory) -> None:
    assert opened.oidc.authenticate_user("alice", "right").username == "alice"
    assert opened.oidc.authenticate_user("alice", "wrong") is None


def test_no_more_than_the_limit_is_evaluated_and_a_locked_name_stays_so(
    opened: Any, directory: CountingDirectory, clock: Any
) -> None:
    for _ in range(15):
        assert opened.oidc.authenticate_user("alice", "wrong") is None
    assert len(directory.asked) == 10
    assert opened.oidc.authenticate_user("alice", "right") is None
    assert opened.oidc.authenticate_user("bob", "right") is not None
    clock.advance(15 * 60)
    assert opened.oidc.authenticate_user("alice", "right") is not None


def test_spellings_of_one_name_share_a_counter(opened: Any, directory: CountingDirectory) -> None:
    for spelling in ("alice", "ALICE", " Alice ", "alicE") * 3:
        opened.oidc.authenticate_user(spelling, "wrong")
    assert len(directory.asked) == 10


def test_a_hundred_guesses_at_once_evaluate_no_more_than_the_limit(
    provider: Provider, directory: CountingDirectory, open_request: OpenRequest
) -> None:
    provider.registry.oidc.database.engine.dispose()

    def guess(number: int) -> None:
        # On a machine with much to do, some are told to try again.
        with suppress(Busy), open_request(provider) as request:
            assert request.oidc.authenticate_user("alice", f"guess {number}") is None

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(guess, range(100)))
    assert len(directory.asked) == 10


def test_a_success_forgets_the_failures_of_the_name(
    opened: Any, directory: CountingDirectory
) -> None:
    for _ in range(3):
        for _ in range(9):
            opened.oidc.authenticate_user("alice", "wrong")
        assert opened.oidc.authenticate_user("alice", "right") is not None
        opened.tm.commit()
        opened.tm.begin()


def test_failures_count_per_address_whatever_the_name_and_successes_do_not(
    make_provider: Any, open_request: OpenRequest
) -> None:
    provider = make_provider(oidc__login_attempts_per_address="5")
    directory = provider.registry.oidc.provider.user_directory = CountingDirectory()
    for number in range(20):
        with open_request(provider) as request:
            assert request.oidc.authenticate_user(f"user {number}", "right") is not None
    with open_request(provider) as request:
        for number in range(5):
            assert request.oidc.authenticate_user(f"user {number}", "wrong") is None
    with open_request(provider) as request, pytest.raises(TooManyAttempts) as refusal:
        request.oidc.authenticate_user("user 6", "right")
    assert 0 < refusal.value.retry_after <= 15 * 60
    assert len(directory.asked) == 25
    with open_request(provider, remote_address="192.0.2.2") as request:
        assert request.oidc.authenticate_user("user 6", "right") is not None


def test_an_attempt_counts_although_the_request_is_aborted_later(
    provider: Provider, directory: CountingDirectory, open_request: OpenRequest
) -> None:
    for _ in range(12):
        with suppress(ZeroDivisionError), open_request(provider) as request:
            request.oidc.authenticate_user("alice", "wrong")
            raise ZeroDivisionError
    assert len(directory.asked) == 10


def test_a_locked_name_costs_a_hash_as_a_wrong_password_does(
    opened: Any, directory: CountingDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[Any] = []
    monkeypatch.setattr(authentication, "verify_password", lambda *given: hashed.append(given))
    for _ in range(11):
        opened.oidc.authenticate_user("alice", "wrong")
    assert hashed == [("wrong", None)]


def test_the_transaction_before_is_kept(
    provider: Provider, directory: CountingDirectory, open_request: OpenRequest
) -> None:
    with suppress(ZeroDivisionError), open_request(provider) as request:
        request.oidc.dbsession.add(User("before"))
        request.oidc.authenticate_user("alice", "wrong")
        request.oidc.dbsession.add(User("after"))
        raise ZeroDivisionError
    with provider.database() as dbsession:
        assert dbsession.scalars(select(User.username)).all() == ["before"]


def test_no_user_name_is_kept_or_announced(opened: Any, directory: CountingDirectory) -> None:
    opened.oidc.authenticate_user("my secret by mistake", "wrong")
    keys = opened.oidc.dbsession.scalars(select(Throttle.key)).all()
    assert len(keys) == 3
    assert not any("secret" in key for key in keys)
    # Nor can it be found by trying: the name has a keyed digest.
    assert digest("login name:my secret by mistake") not in keys


def test_the_database_directory_takes_as_long_for_a_name_that_nobody_has(
    make_provider: Any, open_request: OpenRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted in hashes, since a clock would measure the machine: one for every answer."""
    provider = make_provider(oidc__user_directory="database", oidc__login_attempts="2")
    with provider.database() as dbsession:
        dbsession.add(User("alice", password_hash=hash_password("right")))
    hashes = []

    def count(password: str, stored: str | None) -> bool:
        hashes.append(stored)
        return False

    monkeypatch.setattr(authentication, "verify_password", count)
    monkeypatch.setattr("oidcserver.accounts.directories.verify_password", count)
    for username in ("alice", "alice", "alice", "nobody"):  # wrong, wrong, locked, unknown
        hashes.clear()
        with open_request(provider) as request:
            assert request.oidc.authenticate_user(username, "wrong") is None
        assert len(hashes) == 1


@pytest.mark.both_databases
def test_the_time_does_not_tell_which_names_have_an_imported_hash(
    make_provider: Any, open_request: OpenRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock of its own, on which a hash of PBKDF2 takes 400 ms and one of ours 50 ms."""
    provider = make_provider(oidc__user_directory="database", oidc__login_attempts="2")
    imported = f"$pbkdf2-sha256$i=1000$c2FsdHNhbHQ${'A' * 43}"
    with provider.database() as dbsession:
        dbsession.add(User("imported", password_hash=imported))
        dbsession.add(User("own", password_hash=hash_password("right")))
        dbsession.add(User("disabled", password_hash=imported, disabled_at=1))
        dbsession.add(User("without-password"))
    now = 0.0

    def pass_time(seconds: float) -> bool:
        nonlocal now
        now += seconds
        return False

    monkeypatch.setattr(passwords, "_foreign_times", HashTimes())
    monkeypatch.setattr(passwords, "_is_argon2", lambda *_: pass_time(0.05))
    monkeypatch.setattr(Pbkdf2Hash, "verify", lambda *_: pass_time(0.4))
    monkeypatch.setattr(passwords, "time", SimpleNamespace(monotonic=lambda: now, sleep=pass_time))

    def took(username: str) -> float:
        before = now
        with open_request(provider) as request:
            assert request.oidc.authenticate_user(username, "wrong") is None
        return round(now - before, 6)

    assert took("nobody") == 0.05, "no user with another hash: none waits"
    assert took("imported") == 0.4
    names = ("nobody", "own", "disabled", "without-password", "imported")
    assert {name: took(name) for name in names} == dict.fromkeys(names, 0.4)
    assert took("imported") == took("nobody") == 0.4, "locked"


def test_a_stranger_locks_nobody_out_elsewhere(
    provider: Provider, directory: CountingDirectory, open_request: OpenRequest
) -> None:
    for address in ("2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6"):  # of one subscriber
        with open_request(provider, remote_address=address) as request:
            for _ in range(10):
                assert request.oidc.authenticate_user("alice", "wrong") is None
    assert len(directory.asked) == 10
    with open_request(provider, remote_address="2001:db8:1:3::1") as request:
        assert request.oidc.authenticate_user("alice", "right") is not None
    with open_request(provider, remote_address="2001:db8:1:2::1") as request:
        assert request.oidc.authenticate_user("alice", "right") is None


def test_guesses_from_many_networks_have_a_limit_of_their_own(
    make_provider: Any, open_request: OpenRequest
) -> None:
    provider = make_provider(oidc__login_attempts_per_name="25")
    directory = provider.registry.oidc.provider.user_directory = CountingDirectory()
    for number in range(40):
        with open_request(provider, remote_address=f"192.0.2.{number}") as request:
            assert request.oidc.authenticate_user("alice", "wrong") is None
            assert request.oidc.authenticate_user("bob", "right") is not None, "successes are free"
    assert [name for name, _ in directory.asked].count("alice") == 25


def test_what_is_counted_of_a_name_can_be_forgotten(
    opened: Any, directory: CountingDirectory
) -> None:
    for name in ("alice", "bob"):
        for _ in range(11):
            assert opened.oidc.authenticate_user(name, "wrong") is None
    assert authentication.unlock(opened.oidc.provider, opened.oidc.dbsession, " Alice")
    assert not authentication.unlock(opened.oidc.provider, opened.oidc.dbsession, "alice")
    assert opened.oidc.authenticate_user("bob", "right") is None
    assert opened.oidc.authenticate_user("alice", "right") is not None


@pytest.mark.parametrize(("username", "told"), [("Alice", "alice"), ("my secret password", None)])
def test_the_log_says_who_is_locked_out_and_from_where(
    opened: Any, directory: CountingDirectory, username: str, told: str | None
) -> None:
    with opened.registry.oidc.database.session.begin() as dbsession:
        dbsession.add(User("alice"))
    seen: list[OAuthEvent] = []
    opened.registry.registerHandler(seen.append, (OAuthEvent,))
    for _ in range(11):
        opened.oidc.authenticate_user(username, "wrong")
    assert [event.name for event in seen] == ["login_failed"] * 10 + ["login_locked"]
    details = seen[-1].details
    assert details.get("username") == told
    assert (details["network"], details["counted_by"]) == ("192.0.2.1", "name and network")
    assert "secret" not in str(details)
