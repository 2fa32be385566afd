"""Clients that do the same thing at the same moment, each at a process of its own."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from threading import Barrier
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode, urlsplit

#: Whether the full counts are due; they take long.
FULL = os.environ.get("RACES") == "full"

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Answer(NamedTuple):
    """The answer of a process."""

    status: int
    location: str
    body: bytes

    @property
    def json(self) -> Any:
        """The members of a token response, or of an error."""
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The error of a token response; nothing for a success."""
        return "" if self.status == 200 else str(self.json["error"])


class Racer:
    """A client with one connection, which is kept: sending takes no longer than it must."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def post(
        self, path: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Post a form."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", path, urlencode(form), {**kind, **(headers or {})})

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Get a page."""
        return self._send("GET", path, None, headers or {})

    def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        self._connection.request(method, path, body, dict(headers))
        response = self._connection.getresponse()
        text = response.read()
        return Answer(response.status, response.headers.get("Location", ""), text)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()


@contextmanager
def racers(urls: Sequence[str], count: int) -> Iterator[list[Racer]]:
    """Give that many racers, spread over the processes."""
    made = [Racer(urls[number % len(urls)]) for number in range(count)]
    try:
        yield made
    finally:
        for racer in made:
            racer.close()


def race(
    runners: Sequence[Racer],
    items: Sequence[Item],
    attempt: Callable[[Racer, Item], Outcome],
) -> list[list[Outcome]]:
    """Let all runners attempt each item at once; return the outcomes, a list for each item."""
    start = Barrier(len(runners), timeout=120)

    def run(racer: Racer) -> list[Outcome]:
        outcomes = []
        try:
            for item in items:
                start.wait()
                outcomes.append(attempt(racer, item))
        except BaseException:
            start.abort()
            raise
        return outcomes

    with ThreadPoolExecutor(len(runners)) as pool:
        by_racer = list(pool.map(run, runners))
    return [list(outcomes) for outcomes in zip(*by_racer, strict=True)]
