"""How often something may be tried: counted at once, for every process, for good."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from oidcserver.credentials import digest
from oidcserver.database.engine import make_engine
from oidcserver.http.throttling import clear, give_back, network_of, reset, take, waiting_time
from oidcserver.models.base import Base
from oidcserver.models.throttle import Throttle
from oidcserver.texts import SOURCE


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def dbsession(engine: Engine, standing_clock: Any) -> Iterator[Session]:
    with Session(engine) as dbsession:
        yield dbsession


def engine_of(dbsession: Session) -> Engine:
    return dbsession.get_bind().engine


def attempts(dbsession: Session, number: int, key: str = "login:alice") -> list[int]:
    return [take(engine_of(dbsession), key, limit=3, window_seconds=60) for _ in range(number)]


def test_the_limit_is_allowed_and_the_next_attempt_waits_for_the_window_to_end(
    dbsession: Session, standing_clock: Any
) -> None:
    assert attempts(dbsession, 1) == [0]
    standing_clock.advance(10)
    assert attempts(dbsession, 4) == [0, 0, 50, 50]


def test_whoever_waits_as_told_gets_in(dbsession: Session, standing_clock: Any) -> None:
    wait = attempts(dbsession, 4)[-1]
    standing_clock.advance(wait - 1)
    assert attempts(dbsession, 1) == [1]
    standing_clock.advance(1)
    assert attempts(dbsession, 4) == [0, 0, 0, 60]


def test_attempts_that_are_rejected_do_not_make_the_wait_longer(
    dbsession: Session, standing_clock: Any
) -> None:
    attempts(dbsession, 4)
    for _ in range(5):
        standing_clock.advance(10)
        attempts(dbsession, 100)
    standing_clock.advance(10)
    assert attempts(dbsession, 1) == [0]


def test_a_quiet_window_starts_afresh(dbsession: Session, standing_clock: Any) -> None:
    attempts(dbsession, 2)
    standing_clock.advance(60)
    assert attempts(dbsession, 4) == [0, 0, 0, 60]


def test_keys_do_not_count_for_each_other(dbsession: Session) -> None:
    attempts(dbsession, 4)
    assert attempts(dbsession, 1, "login:bob") == [0]


def test_a_success_resets_the_count(dbsession: Session) -> None:
    attempts(dbsession, 3)
    reset(dbsession, "login:alice")
    dbsession.commit()
    assert attempts(dbsession, 4) == [0, 0, 0, 60]


def test_a_reset_whose_transaction_is_undone_did_not_happen(dbsession: Session) -> None:
    attempts(dbsession, 3)
    reset(dbsession, "login:alice")
    dbsession.rollback()
    assert attempts(dbsession, 1) == [60]


def test_a_success_gives_one_attempt_of_a_shared_key_back(dbsession: Session) -> None:
    assert attempts(dbsession, 4) == [0, 0, 0, 60]
    give_back(dbsession, "login:alice")
    dbsession.commit()
    assert attempts(dbsession, 2) == [0, 60]


def test_giving_back_more_than_was_taken_raises_no_limit(dbsession: Session) -> None:
    attempts(dbsession, 1)
    for _ in range(5):
        give_back(dbsession, "login:alice")
    give_back(dbsession, "login:nobody")
    dbsession.commit()
    assert attempts(dbsession, 4) == [0, 0, 0, 60]


def test_an_attempt_counts_although_the_transaction_after_it_is_undone(
    dbsession: Session,
) -> None:
    for _ in range(3):
        assert take(engine_of(dbsession), "login:alice", 3, 60) == 0
        dbsession.execute(select(Throttle))
        dbsession.rollback()
    assert attempts(dbsession, 1) == [60]


def test_a_clock_that_was_set_back_locks_nobody_out(
    dbsession: Session, standing_clock: Any
) -> None:
    attempts(dbsession, 4)
    standing_clock.advance(-86400)
    assert attempts(dbsession, 1) == [0]


def test_an_attempt_that_comes_from_a_slower_clock_counts_in_the_same_window(
    dbsession: Session, standing_clock: Any
) -> None:
    assert attempts(dbsession, 2) == [0, 0]
    standing_clock.advance(-1)
    assert attempts(dbsession, 2) == [0, 61]
    standing_clock.advance(1)
    assert attempts(dbsession, 1) == [60]


@pytest.mark.parametrize("key", ["", "login:" + "x" * 100_000, "login:\0", "login:\ud800", "é"])
def test_any_text_is_a_key_and_none_is_kept_in_the_clear(dbsession: Session, key: str) -> None:
    assert attempts(dbsession, 4, key) == [0, 0, 0, 60]
    assert digest(key) in dbsession.scalars(select(Throttle.key)).all()


def test_threads_together_get_the_limit_and_no_more(engine: Engine, standing_clock: Any) -> None:
    allowed: list[int] = []
    ready = threading.Barrier(10)

    def guess() -> None:
        ready.wait()
        allowed.extend(take(engine, "login:alice", 7, 60) for _ in range(10))

    threads = [threading.Thread(target=guess) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(allowed) == 100
    assert allowed.count(0) == 7


GUESSES = """
import sys
from concurrent.futures import ThreadPoolExecutor
from oidcserver.database.engine import make_engine
from oidcserver.http.throttling import take

engine = make_engine(sys.argv[1])

def guess(_number):
    return take(engine, "login:alice", 7, 3600)

with ThreadPoolExecutor(4) as pool:
    list(pool.map(lambda _: engine.connect().close(), range(4)))
    print("ready", flush=True)
    sys.stdin.readline()
    print(list(pool.map(guess, range(25))).count(0), flush=True)
engine.dispose()
"""


@pytest.mark.races
def test_processes_together_get_the_limit_and_no_more(engine: Engine, database_url: str) -> None:
    command = [sys.executable, "-c", GUESSES, database_url]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    allowed = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert sum(allowed) == 7
    assert all(process.returncode == 0 for process in processes)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("a unix socket", "a unix socket"),
    ],
)
def test_an_address_counts_as_what_one_subscriber_has(address: str, network: str) -> None:
    assert network_of(address) == network


def test_what_several_keys_have_in_common_is_forgotten_together(dbsession: Session) -> None:
    for key, whose in (("one", "alice"), ("two", "alice"), ("three", "bob"), ("four", None)):
        for _ in range(2):
            take(engine_of(dbsession), key, 1, 60, whose=whose)
    assert clear(dbsession, "alice") == 2
    dbsession.commit()
    keys, engine = ("one", "two", "three", "four"), engine_of(dbsession)
    assert [take(engine, key, 1, 60) > 0 for key in keys] == [False, False, True, True]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "a minute"), (60, "a minute"), (61, "2 minutes"), (900, "15 minutes")],
)
def test_a_wait_is_said_in_minutes(seconds: int, words: str) -> None:
    assert SOURCE.translate(waiting_time(seconds)) == words
