"""Serving until SIGTERM."""

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from pyramid.scripts.common import get_config_loader
from support.processes import free_port, is_listening

import oidcserver
from oidcserver.operations import serving

ROOT = Path(oidcserver.__file__).parent.parent

Story = Callable[[], None]


def terminate() -> None:
    """Send this process SIGTERM, which the server in it has to take."""
    os.kill(os.getpid(), signal.SIGTERM)


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when it holds; fail if it does not come to that."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


class Site:
    """A server in the main thread, and a story of its clients beside it."""

    def __init__(self) -> None:
        self.port = free_port()
        self.begun, self.may_end = Event(), Event()

    def app(self, environ: dict[str, Any], start_response: Callable[..., None]) -> list[bytes]:
        """Answer with the body; ``/slow`` does so when it is let."""
        if environ["PATH_INFO"] == "/slow":
            self.begun.set()
            self.may_end.wait()
        body: bytes = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    def serve(self, story: Story) -> None:
        """Serve until the story says SIGTERM, or is over."""

        def told() -> None:
            try:
                story()
            finally:
                self.may_end.set()
                terminate()

        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(told)
            serving.serve(self.app, {}, listen=f"127.0.0.1:{self.port}", threads="1")
            future.result()

    def connect(self) -> HTTPConnection:
        """Return a connection that was answered a first request, and is kept."""
        wait_until(lambda: is_listening(self.port))
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b""
        return connection


@pytest.fixture
def site() -> Iterator[Site]:
    """A site, outside of which SIGTERM does nothing."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    yield Site()
    signal.signal(signal.SIGTERM, before)


def test_requests_that_were_read_before_sigterm_are_answered(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    def story() -> None:
        slow, queued, halfway = site.connect(), site.connect(), site.connect()
        slow.request("POST", "/slow", b"slow")
        site.begun.wait()  # by the only thread
        queued.request("POST", "/", b"queued")
        halfway.request("POST", "/", headers={"Expect": "100-continue", "Content-Length": "7"})
        # This was read, and what was sent before too.
        assert halfway.sock.recv(100).startswith(b"HTTP/1.1 100 ")

        terminate()
        wait_until(lambda: not is_listening(site.port))
        halfway.send(b"halfway")
        site.may_end.set()

        for connection, body in ((slow, b"slow"), (queued, b"queued"), (halfway, b"halfway")):
            assert connection.getresponse().read() == body
            assert connection.sock.recv(1) == b""  # and then it is closed
            connection.close()

    site.serve(story)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_from_sigterm_on_connections_are_refused_and_idle_ones_closed(site: Site) -> None:
    def story() -> None:
        idle, slow = site.connect(), site.connect()
        slow.request("GET", "/slow")
        site.begun.wait()

        terminate()

        assert idle.sock.recv(1) == b""
        assert not is_listening(site.port)
        site.may_end.set()
        assert slow.getresponse().status == 200
        for connection in (idle, slow):
            connection.close()

    site.serve(story)


def test_a_request_that_does_not_end_is_cut_off(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serving, "PATIENCE", 0)

    def story() -> None:
        slow = site.connect()
        slow.request("GET", "/slow")
        site.begun.wait()

        terminate()

        with pytest.raises(ConnectionError):
            slow.getresponse()
        slow.close()

    with caplog.at_level(logging.WARNING, "oidcserver.serving"):
        site.serve(story)
    assert "1 requests are cut off" in caplog.text


def test_production_is_served_so(monkeypatch: pytest.MonkeyPatch) -> None:
    served = []

    def serve(app: Any, global_config: Any, **settings: Any) -> None:
        served.append((app, settings["threads"]))

    monkeypatch.setattr(serving, "serve", serve)
    get_config_loader(str(ROOT / "production.ini")).get_wsgi_server("main")("the application")
    assert served == [("the application", "16")]
