"""Passwords: argon2id, the same cost for everybody, no more at once than cores."""

import threading
import time
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from hypothesis import given, settings
from hypothesis import strategies as st

from oidcserver.accounts import passwords
from oidcserver.accounts.passwords import (
    MAX_PASSWORD_BYTES,
    Busy,
    hash_password,
    needs_rehash,
    verify_password,
)

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def stored() -> str:
    return hash_password(PASSWORD)


def test_a_hash_is_argon2id_at_the_parameters_of_the_asvs(stored: str) -> None:
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_two_hashes_of_one_password_differ(stored: str) -> None:
    assert hash_password(PASSWORD) != stored


def test_only_the_password_itself_verifies(stored: str) -> None:
    assert verify_password(PASSWORD, stored)
    for wrong in (PASSWORD.upper(), f"{PASSWORD} ", PASSWORD[:-1], "x"):
        assert not verify_password(wrong, stored)


@pytest.mark.parametrize("nothing", [None, "", "!", "plain text", "$argon2id$broken", "$2b$12$x"])
def test_without_a_usable_hash_no_password_verifies(nothing: str | None) -> None:
    assert not verify_password(PASSWORD, nothing)


def test_an_unknown_person_costs_as_much_as_a_wrong_password(
    stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified = []

    class Hasher:
        def verify(self, stored: str, _password: bytes) -> bool:
            verified.append(extract_parameters(stored))
            return False

    monkeypatch.setattr(passwords, "_HASHER", Hasher())
    for against in (stored, None, "", "!"):
        assert not verify_password("wrong", against)
    assert verified == [extract_parameters(stored)] * 4


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [
        ("caf\u00e9", "cafe\u0301"),
        ("password1", "\uff50assword\uff11"),
        ("two words", "two\u00a0words"),
        ("\ud55c", "\u1112\u1161\u11ab"),
    ],
    ids=["decomposed accent", "full width", "no-break space", "conjoining jamo"],
)
def test_the_same_password_typed_on_another_system_verifies(chosen: str, typed: str) -> None:
    assert verify_password(typed, hash_password(chosen))


@pytest.mark.parametrize(
    "password",
    [
        "",
        "a\0b",
        "\0",
        "\ud800",
        "x" * (MAX_PASSWORD_BYTES + 1),
        "é" * (MAX_PASSWORD_BYTES // 2 + 1),
    ],
    ids=["empty", "NUL within", "NUL", "lone surrogate", "long", "long in UTF-8"],
)
def test_an_unacceptable_password_is_refused_when_set_and_false_at_login(
    password: str, stored: str
) -> None:
    with pytest.raises(ValueError, match=r"^A password must .*\.$"):
        hash_password(password)
    assert not verify_password(password, stored)
    assert not verify_password(password, None)


def test_the_longest_password_verifies_and_its_last_byte_counts() -> None:
    longest = "x" * MAX_PASSWORD_BYTES
    kept = hash_password(longest)
    assert verify_password(longest, kept)
    assert not verify_password(longest[:-1] + "y", kept)


@settings(max_examples=15, deadline=None)
@given(st.text(min_size=1, max_size=40).filter(lambda text: "\0" not in text))
def test_any_text_is_a_password(password: str) -> None:
    assert verify_password(password, hash_password(password))


def test_a_hash_of_other_parameters_is_verified_and_wants_to_be_made_anew(stored: str) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    assert verify_password(PASSWORD, old)
    assert needs_rehash(old)
    assert not needs_rehash(stored)


def test_whoever_waits_too_long_for_a_core_is_told_to_come_back(
    monkeypatch: pytest.MonkeyPatch, stored: str
) -> None:
    turns = threading.BoundedSemaphore(1)
    monkeypatch.setattr(passwords, "_turns", turns)
    with turns:
        for attempt in (
            lambda: verify_password(PASSWORD, stored, wait=0.01),
            lambda: verify_password(PASSWORD, None, wait=0.01),
            lambda: hash_password(PASSWORD, wait=0.01),
        ):
            with pytest.raises(Busy) as busy:
                attempt()
            assert busy.value.retry_after >= 1
    assert verify_password(PASSWORD, stored, wait=0.01)


def test_no_more_passwords_are_checked_at_once_than_there_are_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Hasher:
        running = most = 0
        lock = threading.Lock()

        def verify(self, _stored: str, _password: bytes) -> bool:
            with self.lock:
                self.running += 1
                self.most = max(self.most, self.running)
            time.sleep(0.01)
            with self.lock:
                self.running -= 1
            return True

    hasher: Any = Hasher()
    monkeypatch.setattr(passwords, "_HASHER", hasher)
    monkeypatch.setattr(passwords, "_turns", threading.BoundedSemaphore(2))
    threads = [threading.Thread(target=verify_password, args=("x", None)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hasher.most == 2
