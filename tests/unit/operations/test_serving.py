"""Serving until SIGTERM."""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from pyramid.scripts.common import get_config_loader
from support.processes import free_port, is_listening

import oidcserver
from oidcserver.operations import serving, start
from oidcserver.operations.connections import UNREAD, Channel

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
        return [body[: len(body) // 2], body[len(body) // 2 :]]

    def serve(self, story: Story, **settings: str) -> None:
        """Serve until the story says SIGTERM, or is over."""

        def told() -> None:
            try:
                story()
            finally:
                self.may_end.set()
                terminate()

        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(told)
            listen = f"127.0.0.1:{self.port}"
            serving.serve(self.app, {}, listen=listen, threads="1", **settings)
            future.result()

    def connect(self) -> HTTPConnection:
        """Return a connection that was answered a first request, and is kept."""
        wait_until(lambda: is_listening(self.port))
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b""
        return connection

    def open(self) -> socket.socket:
        """Return a connection on which nothing was sent."""
        wait_until(lambda: is_listening(self.port))
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def answers(self, raw: bytes) -> bytes:
        """Send bytes; return all that comes until the server closes the connection."""
        with self.open() as connection:
            connection.sendall(raw)
            return read_to_end(connection)


def read_to_end(connection: socket.socket) -> bytes:
    """Return what comes until the other side closes the connection."""
    received = b""
    while part := connection.recv(4096):
        received += part
    return received


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


# Hostile and slow connections


@pytest.mark.parametrize(
    "head",
    [
        "HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        "HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
        "HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue",
        "HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked",
        "HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6",
    ],
)
def test_a_request_of_two_lengths_is_rejected_and_its_connection_closed(
    site: Site, head: str
) -> None:
    smuggled = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

    def story() -> None:
        answers = site.answers(f"POST / {head}\r\nHost: a\r\n\r\n".encode() + smuggled)
        assert answers.count(b"\r\nServer: ") == 1
        assert b" 400 Bad Request\r\n" in answers

    site.serve(story)


def test_a_malformed_target_is_rejected(site: Site) -> None:
    def story() -> None:
        answers = site.answers(b"GET http://[::1/login HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b" 400 Bad Request\r\n" in answers

    site.serve(story)


@pytest.mark.parametrize(
    "begun",
    [b"G", b"GET / HTTP/1.1\r\nHost: a\r\n", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nxx"],
)
def test_a_request_that_does_not_arrive_is_given_up(site: Site, begun: bytes) -> None:
    def story() -> None:
        assert b" 408 Request Timeout\r\n" in site.answers(begun)

    site.serve(story, request_timeout="1")


def test_a_byte_now_and_then_does_not_hold_a_connection(site: Site) -> None:
    def story() -> None:
        with site.open() as connection:
            connection.settimeout(0.2)
            received = b""
            for byte in b"GET / HTTP/1.1\r\nX: " + b"x" * 1000:
                connection.send(bytes([byte]))
                with suppress(TimeoutError):
                    received += connection.recv(100)
                    break
            assert b" 408 Request Timeout" in received

    site.serve(story, request_timeout="1")


def test_a_request_behind_a_slow_one_has_its_time_after_that(site: Site) -> None:
    def story() -> None:
        with site.open() as connection:
            connection.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n")
            site.begun.wait()
            time.sleep(2.5)
            site.may_end.set()
            connection.sendall(b"Host: a\r\nConnection: close\r\n\r\n")
            assert read_to_end(connection).count(b" 200 OK\r\n") == 2

    site.serve(story, request_timeout="1")


def test_a_connection_on_which_nothing_is_sent_is_closed_and_an_answered_one_kept(
    site: Site,
) -> None:
    def story() -> None:
        kept = site.connect()
        with site.open() as silent:
            assert read_to_end(silent) == b""
        kept.request("GET", "/")
        assert kept.getresponse().status == 200
        kept.close()

    site.serve(story, request_timeout="1")


def test_connections_that_are_held_open_keep_nobody_out(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    def story() -> None:
        with ExitStack() as held:
            for number in range(60):
                connection = held.enter_context(site.open())
                if number % 2:
                    connection.sendall(b"GET / HTTP/1.1\r\n")
            busy = site.connect()
            busy.request("GET", "/slow")
            site.begun.wait()
            for _ in range(60):
                held.enter_context(site.open())
            site.may_end.set()
            assert busy.getresponse().status == 200, "a request that is served is not cut off"
            busy.close()
            last = site.connect()
            last.close()

    with caplog.at_level(logging.WARNING, "oidcserver.serving"):
        site.serve(story, connection_limit="40")
    assert caplog.text.count("idle ones are closed") == 1


def unread(site: Site, held: ExitStack, size: int = 8_000_000) -> socket.socket:
    """Return a connection whose peer has asked for a large answer and reads nothing of it."""
    connection = held.enter_context(site.open())
    connection.sendall(f"POST / HTTP/1.1\r\nContent-Length: {size}\r\n\r\n".encode())
    connection.sendall(b"x" * size)
    return connection


def test_an_answer_that_is_not_read_is_given_up(site: Site) -> None:
    def story() -> None:
        with ExitStack() as held:
            connection = unread(site, held)
            time.sleep(3.5)
            with suppress(ConnectionResetError):
                assert len(read_to_end(connection)) < 8_000_000

    site.serve(story, request_timeout="1")


def test_an_answer_that_is_read_slowly_arrives(site: Site) -> None:
    def story() -> None:
        with ExitStack() as held:
            connection = unread(site, held)
            received = 0
            while received < 8_000_000:
                time.sleep(0.1)
                received += len(connection.recv(200_000))

    site.serve(story, request_timeout="2")


def bytes_in_flight() -> int:
    """Return how many bytes the system takes for a peer that reads nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as held:
        held.enter_context(socket.create_connection(listener.getsockname()))
        sender = held.enter_context(listener.accept()[0])
        sender.setblocking(False)
        taken = 0
        with suppress(BlockingIOError):
            while True:
                taken += sender.send(b"x" * 16384)
        return taken


# The application may have sent everything, and the system not.
@pytest.mark.parametrize("part", [0.9, 3])
def test_connections_whose_answers_are_not_read_keep_nobody_out(site: Site, part: float) -> None:
    size = int(bytes_in_flight() * part)

    def story() -> None:
        with ExitStack() as held:
            for _ in range(14):
                with suppress(ConnectionError):
                    unread(site, held, size)
            time.sleep(UNREAD + 1.5)
            for _ in range(3):
                last = held.enter_context(closing(site.connect()))
                last.request("GET", "/")
                assert last.getresponse().status == 200

    site.serve(story, connection_limit="14")


def test_an_operators_send_bytes_count_and_by_default_an_answer_is_sent_as_a_whole(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []

    def send(self: Any, data: bytes, do_close: bool = True) -> int:
        sent.append(len(data))
        return real(self, data, do_close)

    real = Channel.send
    monkeypatch.setattr(Channel, "send", send)

    def story() -> None:
        connection = site.connect()
        sent.clear()
        for body in (b"body", b"x" * 16000):
            connection.request("POST", "/", body)
            assert connection.getresponse().read() == body
        connection.close()

    site.serve(story)
    assert len(sent) == 2, "header and body together"
    with pytest.warns(DeprecationWarning, match="send_bytes"):
        site.serve(story, send_bytes="1")
    assert len(sent) > 2, "part by part"


def test_an_answer_of_any_size_arrives(site: Site) -> None:
    def story() -> None:
        connection = site.connect()
        for size in (0, 1, 10_000, 20_000, 40_000, 1_000_000, 1, 40_000):
            connection.request("POST", "/", b"x" * size)
            assert connection.getresponse().read() == b"x" * size
        connection.close()

    site.serve(story)


def test_production_is_served_so(monkeypatch: pytest.MonkeyPatch) -> None:
    served = []

    def serve(app: Any, global_config: Any, **settings: Any) -> None:
        served.append((app, settings["threads"]))

    monkeypatch.setattr(start, "serve", serve)
    get_config_loader(str(ROOT / "production.ini")).get_wsgi_server("main")("the application")
    assert served == [("the application", "16")]
