"""Keys by reference: kept for minutes, asked again for a new kid, and never in a flood."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from joserfc.jwk import ECKey

from oidcserver.http.jwks_cache import RemoteJWKS
from oidcserver.http.outbound import HostTimedOut, OutboundFetchError
from oidcserver.http.waiting import TooManyFetches, TooManyWaiting, WaitingPlaces
from oidcserver.types import FetchCause, FetchResult

URI = "https://client.example/jwks"
CLIENT = FetchCause("keys", "client")
KEYS = {kid: ECKey.generate_key("P-256", {"kid": kid}).as_dict(private=False) for kid in "ab"}


class Fetcher:
    """Stands in for the network: returns what a test put there and counts."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self.timeout = 5.0
        self.answer: Callable[[], FetchResult] = lambda: self.jwks("a")

    @staticmethod
    def jwks(*kids: str) -> FetchResult:
        body = json.dumps({"keys": [KEYS[kid] for kid in kids]}).encode()
        return FetchResult(200, "application/json", body)

    def get(self, uri: str, accept: str) -> FetchResult:
        assert "application/jwk-set+json" in accept
        self.fetched.append(uri)
        return self.answer()

    def fail(self) -> None:
        def failure() -> FetchResult:
            raise OutboundFetchError("The host is away.")

        self.answer = failure


@pytest.fixture
def fetcher() -> Fetcher:
    return Fetcher()


@pytest.fixture
def remote(fetcher: Any, standing_clock: Any) -> RemoteJWKS:
    return RemoteJWKS(fetcher, WaitingPlaces(2))


def kids(keys: Any) -> set[str]:
    return {key.kid for key in keys}


def test_keys_are_fetched_once_and_kept_for_five_minutes(
    remote: RemoteJWKS, fetcher: Fetcher, standing_clock: Any
) -> None:
    assert kids(remote.keys(URI, None, CLIENT)) == {"a"}
    standing_clock.advance(299)
    assert kids(remote.keys(URI, "a", CLIENT)) == {"a"}
    assert fetcher.fetched == [URI]
    fetcher.answer = lambda: Fetcher.jwks("b")
    standing_clock.advance(1)
    assert kids(remote.keys(URI, None, CLIENT)) == {"b"}
    assert len(fetcher.fetched) == 2


def test_an_unknown_kid_fetches_the_keys_again(
    remote: RemoteJWKS, fetcher: Fetcher, standing_clock: Any
) -> None:
    remote.keys(URI, None, CLIENT)
    fetcher.answer = lambda: Fetcher.jwks("a", "b")
    standing_clock.advance(10)
    assert kids(remote.keys(URI, "b", CLIENT)) == {"a", "b"}
    assert len(fetcher.fetched) == 2


def test_unknown_kids_fetch_once_in_ten_seconds_at_most(
    remote: RemoteJWKS, fetcher: Fetcher, standing_clock: Any
) -> None:
    for second in range(60):
        for guess in range(5):
            assert kids(remote.keys(URI, f"{second}-{guess}", CLIENT)) == {"a"}
        standing_clock.advance(1)
    assert len(fetcher.fetched) == 6


def test_a_failure_is_kept_for_longer_than_it_takes(
    remote: RemoteJWKS, fetcher: Fetcher, standing_clock: Any
) -> None:
    def time_out() -> FetchResult:
        standing_clock.advance(20)
        raise OutboundFetchError("The host is away.")

    fetcher.timeout, fetcher.answer = 20.0, time_out
    for _ in range(40):
        with pytest.raises(OutboundFetchError, match="The host is away"):
            remote.keys(URI, None, CLIENT)
        standing_clock.advance(1)
    assert len(fetcher.fetched) == 1


def test_a_failure_is_kept_for_ten_seconds(
    remote: RemoteJWKS, fetcher: Fetcher, standing_clock: Any
) -> None:
    fetcher.fail()
    for _ in range(3):
        with pytest.raises(OutboundFetchError, match="The host is away"):
            remote.keys(URI, None, CLIENT)
    assert len(fetcher.fetched) == 1
    fetcher.answer = lambda: Fetcher.jwks("a")
    standing_clock.advance(10)
    assert kids(remote.keys(URI, None, CLIENT)) == {"a"}


def test_a_failure_does_not_take_fresh_keys_away(
    remote: RemoteJWKS, fetcher: Fetcher, standing_clock: Any
) -> None:
    remote.keys(URI, None, CLIENT)
    fetcher.fail()
    standing_clock.advance(20)
    assert kids(remote.keys(URI, "unknown", CLIENT)) == {"a"}
    assert len(fetcher.fetched) == 2
    standing_clock.advance(279)
    assert kids(remote.keys(URI, "a", CLIENT)) == {"a"}
    assert len(fetcher.fetched) == 2


def test_known_keys_serve_for_an_hour_while_their_host_is_away(
    remote: RemoteJWKS, fetcher: Fetcher, standing_clock: Any
) -> None:
    remote.keys(URI, None, CLIENT)
    fetcher.fail()
    for answer in (fetcher.answer, lambda: FetchResult(503, "text/html", b"")):
        fetcher.answer = answer
        standing_clock.advance(1800)
        assert kids(remote.keys(URI, "a", CLIENT)) == {"a"}
    assert len(fetcher.fetched) == 3
    standing_clock.advance(300)
    with pytest.raises(OutboundFetchError, match="status 503"):
        remote.keys(URI, "a", CLIENT)


def test_keys_that_their_host_withdrew_serve_no_longer_than_their_age(
    remote: RemoteJWKS, fetcher: Fetcher, standing_clock: Any
) -> None:
    remote.keys(URI, None, CLIENT)
    fetcher.answer = lambda: FetchResult(404, "text/html", b"")
    standing_clock.advance(20)
    assert kids(remote.keys(URI, "unknown", CLIENT)) == {"a"}
    standing_clock.advance(280)
    with pytest.raises(OutboundFetchError, match="status 404"):
        remote.keys(URI, "a", CLIENT)


def test_known_keys_serve_everybody_else_while_one_thread_asks_for_new_ones(
    remote: RemoteJWKS, fetcher: Fetcher, standing_clock: Any
) -> None:
    remote.keys(URI, None, CLIENT)
    asked, may_answer = threading.Event(), threading.Event()

    def slowly() -> FetchResult:
        asked.set()
        may_answer.wait(10)
        return Fetcher.jwks("b")

    fetcher.answer = slowly
    standing_clock.advance(300)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(remote.keys, URI, None, CLIENT)
        assert asked.wait(10)
        assert kids(remote.keys(URI, "a", CLIENT)) == {"a"}
        assert not asking.done()
        may_answer.set()
        assert kids(asking.result(10)) == {"b"}
    assert len(fetcher.fetched) == 2


def test_a_host_that_hangs_holds_one_thread_and_the_others_are_told_to_come_back(
    remote: RemoteJWKS, fetcher: Fetcher
) -> None:
    asked, may_answer = threading.Event(), threading.Event()

    def hanging() -> FetchResult:
        asked.set()
        may_answer.wait(10)
        raise OutboundFetchError("The host is away.")

    fetcher.answer = hanging
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(remote.keys, URI, None, CLIENT)
        assert asked.wait(10)
        for _ in range(3):
            with pytest.raises(TooManyWaiting):
                remote.keys(URI, None, CLIENT)
        assert not asking.done()
        may_answer.set()
        with pytest.raises(OutboundFetchError):
            asking.result(10)
    assert fetcher.fetched == [URI]


def test_without_a_place_known_keys_serve_and_unknown_ones_have_to_wait(
    fetcher: Any, standing_clock: Any
) -> None:
    places = WaitingPlaces(1)
    remote = RemoteJWKS(fetcher, places)
    remote.keys(URI, None, CLIENT)
    standing_clock.advance(300)
    with places.taken():
        assert kids(remote.keys(URI, "a", CLIENT)) == {"a"}
        for uri, kid in ((URI, "b"), ("https://other.example/jwks", None)):
            with pytest.raises(TooManyWaiting):
                remote.keys(uri, kid, CLIENT)
    assert fetcher.fetched == [URI]
    remote.keys(URI, "a", CLIENT)
    assert fetcher.fetched == [URI, URI]


def test_a_host_that_times_out_is_left_alone_for_longer_each_time_and_known_keys_serve(
    remote: RemoteJWKS, fetcher: Fetcher, standing_clock: Any
) -> None:
    def time_out() -> FetchResult:
        raise HostTimedOut("too slow")

    remote.keys(URI, None, CLIENT)
    fetcher.answer = time_out
    tries = []
    for second in range(300, 400):
        standing_clock.advance(300 if second == 300 else 1)
        fetched = len(fetcher.fetched)
        assert kids(remote.keys(URI, "a", CLIENT)) == {"a"}
        if len(fetcher.fetched) > fetched:
            tries.append(second)
    assert tries == [300, 310, 330, 370]


def test_known_keys_are_fetched_again_without_being_counted(
    fetcher: Any, standing_clock: Any
) -> None:
    counted: list[str] = []

    def count(cause: FetchCause, host: str) -> int:
        counted.append(host)
        return 0 if len(counted) == 1 else 20

    remote = RemoteJWKS(fetcher, WaitingPlaces(2, count=count))
    stranger = FetchCause("keys", "client", network="192.0.2.1", anybody=True)
    for _ in range(3):
        remote.keys(URI, "a", stranger)
        standing_clock.advance(300)
    assert (len(fetcher.fetched), counted) == (3, ["client.example"])
    with pytest.raises(TooManyFetches) as problem:
        remote.keys("https://other.example/jwks", "a", stranger)
    assert (problem.value.host, problem.value.retry_after) == ("other.example", 20)


def test_a_clock_that_was_set_back_does_not_keep_keys_longer(
    remote: RemoteJWKS, fetcher: Fetcher, standing_clock: Any
) -> None:
    remote.keys(URI, None, CLIENT)
    standing_clock.advance(-1000)
    remote.keys(URI, None, CLIENT)
    assert len(fetcher.fetched) == 2


@pytest.mark.parametrize(
    "answer",
    [
        FetchResult(404, "application/json", b'{"keys": []}'),
        FetchResult(200, "text/html", b"<html>"),
        FetchResult(200, "application/json", b"\xff"),
        FetchResult(200, "application/json", b"[" * 60000),
        FetchResult(200, "application/json", b"[]"),
        FetchResult(200, "application/json", b'{"keys": [{"kty": "oct", "k": "AA"}]}'),
        FetchResult(200, "application/json", b"1" * 5000),
    ],
)
def test_an_answer_that_is_no_jwk_set_is_an_error(
    remote: RemoteJWKS, fetcher: Fetcher, answer: FetchResult
) -> None:
    fetcher.answer = lambda: answer
    with pytest.raises(OutboundFetchError):
        remote.keys(URI, None, CLIENT)


def test_threads_that_want_one_uri_share_one_fetch(remote: RemoteJWKS, fetcher: Fetcher) -> None:
    waiting = threading.Event()

    def slowly() -> FetchResult:
        waiting.wait(5)
        return Fetcher.jwks("a")

    fetcher.answer = slowly
    found: list[set[str]] = []
    threads = [
        threading.Thread(target=lambda: found.append(kids(remote.keys(URI, "a", CLIENT))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    waiting.set()
    for thread in threads:
        thread.join()
    assert found == [{"a"}] * 8
    assert fetcher.fetched == [URI]


def test_threads_that_share_a_failed_fetch_share_the_failure(
    remote: RemoteJWKS, fetcher: Fetcher
) -> None:
    waiting = threading.Event()

    def slowly() -> FetchResult:
        waiting.wait(5)
        raise OutboundFetchError("The host is away.")

    fetcher.answer = slowly
    failures: list[str] = []

    def ask() -> None:
        try:
            remote.keys(URI, None, CLIENT)
        except OutboundFetchError as problem:
            failures.append(problem.reason)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    waiting.set()
    for thread in threads:
        thread.join()
    assert failures == ["The host is away."] * 8
    assert fetcher.fetched == [URI]


def test_a_bug_in_a_fetch_reaches_the_caller_and_blocks_nobody_later(
    remote: RemoteJWKS, fetcher: Fetcher
) -> None:
    def broken() -> FetchResult:
        raise ZeroDivisionError

    fetcher.answer = broken
    with pytest.raises(ZeroDivisionError):
        remote.keys(URI, None, CLIENT)
    fetcher.answer = lambda: Fetcher.jwks("a")
    assert kids(remote.keys(URI, None, CLIENT)) == {"a"}


def test_the_uri_least_recently_used_is_forgotten_first(fetcher: Any, standing_clock: Any) -> None:
    remote = RemoteJWKS(fetcher, WaitingPlaces(2), max_entries=2)
    for uri in ("1", "2", "1", "3", "1", "2"):
        remote.keys(uri, None, CLIENT)
    assert fetcher.fetched == ["1", "2", "3", "2"]
