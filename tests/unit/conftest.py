"""A clock that tests move, requests as the provider's code gets them, and their log lines."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from pyramid.interfaces import IRequestFactory
from pyramid.threadlocal import RequestContext
from support.app import Provider

from oidcserver import clock


class StandingClock:
    """The provider's clock, standing still until a test lets time pass."""

    def __init__(self) -> None:
        self.time = 1_700_000_000

    def now(self) -> int:
        return self.time

    def advance(self, seconds: int) -> None:
        self.time += seconds


@pytest.fixture
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> StandingClock:
    standing = StandingClock()
    monkeypatch.setattr(clock, "now", standing.now)
    return standing


OpenRequest = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def open_request() -> OpenRequest:
    """Return a context manager: a request within a transaction, which commits at the end."""

    @contextmanager
    def opening(provider: Provider, remote_address: str = "192.0.2.1") -> Iterator[Any]:
        request = provider.registry.getUtility(IRequestFactory).blank(
            "/", environ={"REMOTE_ADDR": remote_address}
        )
        request.registry = provider.registry
        request.matched_route = None
        with RequestContext(request):
            request.environ["tm.active"] = True
            request.tm.begin()
            try:
                yield request
            except BaseException:
                request.tm.abort()
                raise
            request.tm.commit()

    return opening


@pytest.fixture
def opened(provider: Provider, open_request: OpenRequest) -> Iterator[Any]:
    """An open request of a provider of development."""
    with open_request(provider) as request:
        yield request


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[str], list[dict[str, Any]]]:
    """Return a function: what a logger logged, each line's JSON object."""
    caplog.set_level(logging.INFO, logger="oidcserver")

    def lines(logger: str) -> list[dict[str, Any]]:
        messages = [record.getMessage() for record in caplog.records if record.name == logger]
        return [json.loads(message[message.index("{") :]) for message in messages]

    return lines
