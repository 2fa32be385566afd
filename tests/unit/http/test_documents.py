"""Documents that requests wait for: so many at once, and not again where nobody answered."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from oidcserver.http import documents
from oidcserver.http.documents import RemoteDocuments
from oidcserver.http.outbound import HostTimedOut, OutboundFetchError
from oidcserver.http.waiting import TooManyWaiting, WaitingPlaces
from oidcserver.types import FetchResult

URL = "https://client.example/r"


class Fetcher:
    """Answers, or fails as a test says, and counts."""

    def __init__(self) -> None:
        self.timeout = 5.0
        self.problem: Exception | None = None
        self.fetched: list[str] = []

    def get(self, url: str, accept: str, max_bytes: int | None = None) -> FetchResult:
        self.fetched.append(url)
        if self.problem is not None:
            raise self.problem
        return FetchResult(200, "application/json", b"{}")


@pytest.fixture
def fetcher() -> Fetcher:
    return Fetcher()


@pytest.fixture
def remote(fetcher: Any, standing_clock: Any) -> RemoteDocuments:
    return RemoteDocuments(fetcher, WaitingPlaces(2))


def test_a_url_that_hung_is_left_alone_for_longer_than_it_takes_to_find_out(
    remote: RemoteDocuments, fetcher: Fetcher, standing_clock: Any
) -> None:
    fetcher.problem = HostTimedOut("too slow")
    with pytest.raises(HostTimedOut):
        remote.get(URL, "*/*")
    fetcher.problem = None
    standing_clock.advance(9)
    with pytest.raises(OutboundFetchError, match="a moment ago"):
        remote.get(URL, "*/*")
    assert remote.get(f"{URL}/other", "*/*").status == 200
    assert fetcher.fetched == [URL, f"{URL}/other"]
    standing_clock.advance(1)
    assert remote.get(URL, "*/*").status == 200


def test_what_fails_quickly_is_asked_again_at_once(
    remote: RemoteDocuments, fetcher: Fetcher
) -> None:
    fetcher.problem = OutboundFetchError("no such host")
    with pytest.raises(OutboundFetchError):
        remote.get(URL, "*/*")
    fetcher.problem = None
    assert remote.get(URL, "*/*").status == 200


def test_the_memory_has_a_bound(
    remote: RemoteDocuments, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_REMEMBERED", 2)
    fetcher.problem = HostTimedOut("too slow")
    for number in range(3):
        with pytest.raises(HostTimedOut):
            remote.get(f"{URL}{number}", "*/*")
    with pytest.raises(HostTimedOut):
        remote.get(f"{URL}0", "*/*")
    assert len(fetcher.fetched) == 4


class SlowFetcher(Fetcher):
    """Answers when a test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def get(self, url: str, accept: str, max_bytes: int | None = None) -> FetchResult:
        self.asked.set()
        assert self.may_answer.wait(10)
        return super().get(url, accept, max_bytes)


def test_requests_for_one_document_share_a_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "GRACE", 10)
    fetcher: Any = SlowFetcher()
    remote = RemoteDocuments(fetcher, WaitingPlaces(2))
    with ThreadPoolExecutor(8) as pool:
        results = [pool.submit(remote.get, URL, "*/*") for _ in range(8)]
        assert fetcher.asked.wait(10)
        fetcher.may_answer.set()
        assert {result.result(10).body for result in results} == {b"{}"}
    # One that began after the fetch has ended fetches again.
    assert len(fetcher.fetched) < 8
    remote.get(URL, "*/*")
    assert fetcher.fetched[-2:] == [URL, URL]


def test_a_request_waits_only_for_a_moment_for_the_fetch_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(documents, "GRACE", 0.01)
    fetcher: Any = SlowFetcher()
    remote = RemoteDocuments(fetcher, WaitingPlaces(2))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(remote.get, URL, "*/*")
        assert fetcher.asked.wait(10)
        with pytest.raises(TooManyWaiting):
            remote.get(URL, "*/*")
        fetcher.may_answer.set()
        assert first.result(10).status == 200
    assert fetcher.fetched == [URL]


def test_without_a_place_nothing_is_fetched(fetcher: Any) -> None:
    places = WaitingPlaces(1)
    with places.taken(), pytest.raises(TooManyWaiting):
        RemoteDocuments(fetcher, places).get(URL, "*/*")
    assert fetcher.fetched == []
