"""Documents that requests wait for: so many at once, and not again where nobody answered."""

import threading
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import pytest

from oidcserver.http import documents
from oidcserver.http.documents import RemoteDocuments
from oidcserver.http.outbound import HostTimedOut, OutboundFetchError
from oidcserver.http.waiting import HostPaused, TooManyWaiting, WaitingPlaces
from oidcserver.types import FetchCause, FetchResult

URL = "https://client.example/r"
CLIENT = FetchCause("request object", "client")


class Fetcher:
    """Answers, or fails as a test says, and counts."""

    def __init__(self) -> None:
        self.timeout = 5.0
        self.problem: Exception | None = None
        self.status = 200
        self.fetched: list[str] = []

    def get(self, url: str, accept: str, max_bytes: int | None = None) -> FetchResult:
        self.fetched.append(url)
        if self.problem is not None:
            raise self.problem
        return FetchResult(self.status, "application/json", b"{}")


@pytest.fixture
def fetcher() -> Fetcher:
    return Fetcher()


@pytest.fixture
def remote(fetcher: Any, standing_clock: Any) -> RemoteDocuments:
    return RemoteDocuments(fetcher, WaitingPlaces(2))


def test_a_host_that_hung_is_left_alone_for_longer_than_it_takes_to_find_out(
    remote: RemoteDocuments, fetcher: Fetcher, standing_clock: Any
) -> None:
    fetcher.problem = HostTimedOut("too slow")
    with pytest.raises(HostTimedOut):
        remote.get(URL, "*/*", CLIENT)
    fetcher.problem = None
    standing_clock.advance(9)
    for url in (URL, f"{URL}/other"):
        with pytest.raises(HostPaused, match="again in 1 seconds"):
            remote.get(url, "*/*", CLIENT)
    assert fetcher.fetched == [URL]
    standing_clock.advance(1)
    assert remote.get(URL, "*/*", CLIENT).status == 200


def test_what_fails_quickly_is_asked_again_at_once(
    remote: RemoteDocuments, fetcher: Fetcher
) -> None:
    fetcher.problem = OutboundFetchError("no such host")
    with pytest.raises(OutboundFetchError):
        remote.get(URL, "*/*", CLIENT)
    fetcher.problem = None
    assert remote.get(URL, "*/*", CLIENT).status == 200


def digest(body: bytes) -> str:
    return urlsafe_b64encode(sha256(body).digest()).decode().rstrip("=")


def test_a_document_whose_url_has_its_digest_is_fetched_once(
    remote: RemoteDocuments, fetcher: Fetcher
) -> None:
    named = f"{URL}#{digest(b'{}')}"
    assert {remote.get(named, "*/*", CLIENT).body for _ in range(3)} == {b"{}"}
    assert fetcher.fetched == [URL]
    for other in (f"{URL}#{digest(b'[]')}", URL, f"{URL}#"):
        for _ in range(2):
            remote.get(other, "*/*", CLIENT)
    assert fetcher.fetched == [URL] * 7


def test_an_error_is_not_kept_whatever_the_url_says(
    remote: RemoteDocuments, fetcher: Fetcher
) -> None:
    named = f"{URL}#{digest(b'{}')}"
    fetcher.status = 404
    assert remote.get(named, "*/*", CLIENT).status == 404
    fetcher.status = 200
    assert remote.get(named, "*/*", CLIENT).status == 200


def test_a_limited_number_is_kept(
    remote: RemoteDocuments, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_KEPT", 2)
    for number in (1, 2, 1, 3, 1, 2):
        remote.get(f"{URL}{number}#{digest(b'{}')}", "*/*", CLIENT)
    assert fetcher.fetched == [f"{URL}{number}" for number in (1, 2, 3, 2)]


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
        results = [pool.submit(remote.get, URL, "*/*", CLIENT) for _ in range(8)]
        assert fetcher.asked.wait(10)
        fetcher.may_answer.set()
        assert {result.result(10).body for result in results} == {b"{}"}
    # One that began after the fetch has ended fetches again.
    assert len(fetcher.fetched) < 8
    remote.get(URL, "*/*", CLIENT)
    assert fetcher.fetched[-2:] == [URL, URL]


def test_a_request_waits_only_for_a_moment_for_the_fetch_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(documents, "GRACE", 0.01)
    fetcher: Any = SlowFetcher()
    remote = RemoteDocuments(fetcher, WaitingPlaces(2))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(remote.get, URL, "*/*", CLIENT)
        assert fetcher.asked.wait(10)
        with pytest.raises(TooManyWaiting):
            remote.get(URL, "*/*", CLIENT)
        fetcher.may_answer.set()
        assert first.result(10).status == 200
    assert fetcher.fetched == [URL]


def test_without_a_place_nothing_is_fetched(fetcher: Any) -> None:
    places = WaitingPlaces(1)
    with places.taken(), pytest.raises(TooManyWaiting):
        RemoteDocuments(fetcher, places).get(URL, "*/*", CLIENT)
    assert fetcher.fetched == []
