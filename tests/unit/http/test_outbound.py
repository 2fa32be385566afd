"""The one hardened fetch, against hosts on loopback that behave and misbehave."""

import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oidcserver.http import outbound
from oidcserver.http.addresses import Reachable
from oidcserver.http.outbound import OutboundFetcher, OutboundFetchError, Redirected
from oidcserver.http.waiting import TooManyWaiting
from oidcserver.types import FetchResult

HELLO = b"HTTP/1.1 200 OK\r\nContent-Type: Application/JSON; charset=utf-8\r\n\r\n{}"
NAME = "client.example"


class Names:
    """Answers name look-ups with one list of addresses after another, the last one for good."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, **_options: Any) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in addresses]


def development(**options: Any) -> OutboundFetcher:
    return OutboundFetcher(**{"allowed": Reachable(loopback=True), "timeout": 3.0} | options)


def reason(fetch: Callable[[], object]) -> str:
    with pytest.raises(OutboundFetchError) as rejection:
        fetch()
    return rejection.value.reason


def test_a_get_returns_status_media_type_and_body(serve: Any) -> None:
    host = serve(HELLO)
    result = development().get(f"http://127.0.0.1:{host.port}/keys?a=b#c", "application/json")
    content_type = {"content-type": "Application/JSON; charset=utf-8"}
    assert result == FetchResult(200, "application/json", b"{}", content_type)
    head = host.requests[0].split(b"\r\n")
    assert head[0] == b"GET /keys?a=b HTTP/1.1"
    assert f"Host: 127.0.0.1:{host.port}".encode() in head
    assert b"Accept: application/json" in head
    assert b"Accept-Encoding: identity" in head


def test_an_error_status_is_a_result(serve: Any) -> None:
    host = serve(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    result = development().get(f"http://127.0.0.1:{host.port}/", "*/*")
    assert (result.status, result.content_type, result.body) == (404, "", b"")


def test_a_form_is_posted(serve: Any) -> None:
    host = serve(b"HTTP/1.1 204 No Content\r\n\r\n")
    result = development().post_form(
        f"http://127.0.0.1:{host.port}/logout", {"logout_token": "a b&é"}
    )
    assert result.status == 204
    head, _, body = host.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /logout HTTP/1.1\r\n")
    assert b"Content-Type: application/x-www-form-urlencoded" in head
    assert body == b"logout_token=a+b%26%C3%A9"


def test_json_is_posted_with_further_fields(serve: Any) -> None:
    host = serve(b"HTTP/1.1 204 No Content\r\n\r\n")
    url = f"http://127.0.0.1:{host.port}/ciba"
    result = development().post_json(url, {"name": "é"}, {"Authorization": "Bearer x"})
    assert result.status == 204
    head, _, body = host.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /ciba HTTP/1.1\r\n")
    assert b"Content-Type: application/json\r\n" in head
    assert b"Authorization: Bearer x" in head
    assert json.loads(body) == {"name": "é"}


def test_https_pins_the_address_and_proves_the_name(serve: Any, authority: Any) -> None:
    host = serve(HELLO, authority.server_context(NAME))
    names = Names(["127.0.0.1"])
    fetcher = development(ca_bundle=authority.bundle, resolver=names)
    assert fetcher.get(f"https://{NAME}:{host.port}/", "*/*").body == b"{}"
    assert host.server_names == [NAME]
    assert f"Host: {NAME}:{host.port}".encode() in host.requests[0]
    assert names.asked == [NAME]


def test_the_name_is_never_resolved_again(
    serve: Any, authority: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second answer for the name (DNS rebinding) is never asked for."""
    host = serve(HELLO, authority.server_context(NAME))
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    looked_up: list[str] = []
    getaddrinfo = socket.getaddrinfo

    def note(name: Any, *arguments: Any, **options: Any) -> Any:
        looked_up.append(name)
        return getaddrinfo(name, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", note)
    fetcher = development(ca_bundle=authority.bundle, resolver=names)
    fetcher.get(f"https://{NAME}:{host.port}/", "*/*")
    assert names.asked == [NAME]
    assert all(ipaddress.ip_address(name) for name in looked_up)


def test_a_certificate_for_another_name_is_rejected(serve: Any, authority: Any) -> None:
    host = serve(HELLO, authority.server_context("other.example"))
    fetcher = development(ca_bundle=authority.bundle, resolver=Names(["127.0.0.1"]))
    assert "TLS" in reason(lambda: fetcher.get(f"https://{NAME}:{host.port}/", "*/*"))
    assert host.requests == []


def test_a_certificate_of_an_unknown_authority_is_rejected_and_the_log_says_what_to_set(
    serve: Any, authority: Any, caplog: pytest.LogCaptureFixture
) -> None:
    host = serve(HELLO, authority.server_context(NAME))
    fetcher = development(resolver=Names(["127.0.0.1"]))
    assert "TLS" in reason(lambda: fetcher.get(f"https://{NAME}:{host.port}/", "*/*"))
    assert f"{NAME}:{host.port} did not prove its name by TLS (" in caplog.text
    assert "oauth.outbound_ca_bundle" in caplog.text
    assert host.requests == []


def test_a_host_that_speaks_plain_http_on_an_https_url_is_rejected(serve: Any) -> None:
    host = serve(HELLO)
    fetcher = development(timeout=0.5)
    reason(lambda: fetcher.get(f"https://127.0.0.1:{host.port}/", "*/*"))
    assert host.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:{port}/",
        "https://127.1:{port}/",
        "https://2130706433:{port}/",
        "https://0x7f000001:{port}/",
        "https://0177.0.0.1:{port}/",
        "https://0:{port}/",
        "https://[::1]:{port}/",
        "https://[::ffff:127.0.0.1]:{port}/",
        "https://[::ffff:7f00:1]:{port}/",
        "https://[64:ff9b::7f00:1]:{port}/",
        "https://[2002:7f00:1::1]:{port}/",
        "https://localhost:{port}/",
        "https://LOCALHOST.:{port}/",
        "https://client.example@127.0.0.1:{port}/",
        "https://127.0.0.1:{port}\\@client.example/",
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
    ],
)
def test_no_packet_goes_to_this_machine(serve: Any, url: str) -> None:
    host = serve(HELLO)
    fetcher = OutboundFetcher()
    for fetch in (
        lambda: fetcher.get(url.format(port=host.port), "*/*"),
        lambda: fetcher.post_form(url.format(port=host.port), {}),
        lambda: fetcher.check(url.format(port=host.port)),
    ):
        assert "127.0.0.1" not in reason(fetch)
    assert host.connections == 0


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["127.0.0.1", "93.184.215.14"], ["::1"]],
)
def test_a_name_with_any_inward_address_is_rejected_without_a_connection(
    serve: Any, addresses: list[str]
) -> None:
    host = serve(HELLO)
    fetcher = OutboundFetcher(resolver=Names(addresses))
    reason(lambda: fetcher.get(f"https://{NAME}:{host.port}/", "*/*"))
    assert host.connections == 0


@pytest.mark.parametrize(
    ("scheme", "address"), [("https", "10.0.0.1"), ("http", "10.0.0.1"), ("http", "8.8.8.8")]
)
def test_development_sends_nothing_elsewhere_inward_and_no_http_outward(
    scheme: str, address: str
) -> None:
    fetcher = development(resolver=Names([address]))
    reason(lambda: fetcher.check(f"{scheme}://{NAME}/"))


def test_check_accepts_a_public_host_without_connecting() -> None:
    names = Names(["93.184.215.14"])
    OutboundFetcher(resolver=names).check(f"https://{NAME}/")
    assert names.asked == [NAME]


def test_a_name_without_an_address_is_an_error() -> None:
    def unknown(*_arguments: Any, **_options: Any) -> list[tuple[Any, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    assert "address" in reason(lambda: OutboundFetcher(resolver=unknown).check(f"https://{NAME}/"))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_and_not_followed(serve: Any, status: int) -> None:
    inside = serve(HELLO)
    host = serve(
        f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{inside.port}/\r\n"
        "Content-Length: 0\r\n\r\n".encode()
    )
    fetcher = development()
    with pytest.raises(Redirected):
        fetcher.get(f"http://127.0.0.1:{host.port}/", "*/*")
    assert inside.connections == 0


def test_no_proxy_of_the_environment_is_used(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, host = serve(HELLO), serve(HELLO)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert development().get(f"http://127.0.0.1:{host.port}/", "*/*").status == 200
    assert proxy.connections == 0


def answer(headers: str, body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\n{headers}\r\n\r\n".encode() + body


CHUNK = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"


@pytest.mark.parametrize(
    "response",
    [
        answer("Content-Length: 65536", b"x" * 65536),
        answer("Connection: close", b"x" * 65536),
        answer("Transfer-Encoding: chunked", CHUNK + CHUNK + b"0\r\n\r\n"),
    ],
)
def test_a_body_of_64_kib_is_taken(serve: Any, response: bytes) -> None:
    host = serve(response)
    assert len(development().get(f"http://127.0.0.1:{host.port}/", "*/*").body) == 65536


@pytest.mark.parametrize(
    "response",
    [
        answer("Content-Length: 65537", b"x" * 65537),
        answer("Connection: close", b"x" * 65537),
        answer("Transfer-Encoding: chunked", CHUNK + CHUNK + b"1\r\nx\r\n0\r\n\r\n"),
    ],
)
def test_a_larger_body_is_an_error(serve: Any, response: bytes) -> None:
    host = serve(response)
    fetcher = development()
    assert "larger" in reason(lambda: fetcher.get(f"http://127.0.0.1:{host.port}/", "*/*"))


def test_a_call_may_take_less(serve: Any) -> None:
    host = serve(answer("Transfer-Encoding: chunked", CHUNK + b"0\r\n\r\n"))
    fetcher, url = development(), f"http://127.0.0.1:{host.port}/"
    assert len(fetcher.get(url, "*/*", 32768).body) == 32768
    assert "larger than 32767 bytes" in reason(lambda: fetcher.get(url, "*/*", 32767))


def test_repeated_fields_are_one_list(serve: Any) -> None:
    host = serve(answer("Cache-Control: max-age=1\r\ncache-control: public", b""))
    result = development().get(f"http://127.0.0.1:{host.port}/", "*/*")
    assert result.headers["cache-control"] == "max-age=1, public"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
def test_a_compressed_body_is_an_error(serve: Any, encoding: str) -> None:
    host = serve(answer(f"Content-Encoding: {encoding}", b"\x1f\x8b"))
    fetcher = development()
    assert "compressed" in reason(lambda: fetcher.get(f"http://127.0.0.1:{host.port}/", "*/*"))


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"\x00\xff nonsense\r\n\r\n",
        answer("Content-Length: 100", b"short"),
        answer("Content-Length: 1, 2", b"x"),
        answer("Transfer-Encoding: chunked", b"ffff\r\nshort"),
        answer("Transfer-Encoding: chunked", b"zz\r\n"),
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ],
)
def test_an_answer_that_is_not_whole_and_valid_is_an_error(serve: Any, response: bytes) -> None:
    host = serve(response)
    fetcher = development()
    reason(lambda: fetcher.get(f"http://127.0.0.1:{host.port}/", "*/*"))


@settings(max_examples=60)
@given(st.binary() | st.binary().map(b"HTTP/1.1 200 OK\r\n".__add__))
def test_whatever_a_host_sends_there_is_a_result_or_one_kind_of_error(
    fickle_host: Any, data: bytes
) -> None:
    fickle_host.answer = lambda connection: connection.sendall(data)
    try:
        body = development().get(f"http://127.0.0.1:{fickle_host.port}/", "*/*").body
    except OutboundFetchError:
        return
    assert data.endswith(body)


def test_a_closed_port_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "connection" in reason(lambda: development().get(f"http://127.0.0.1:{port}/", "*/*"))


def test_the_next_address_is_tried_if_one_does_not_answer(serve: Any) -> None:
    host = serve(HELLO)
    fetcher = development(resolver=Names(["127.0.0.2", "127.0.0.3", "127.0.0.1"]))
    assert fetcher.get(f"http://{NAME}:{host.port}/", "*/*").status == 200


def drip(start: bytes, more: bytes) -> Callable[[socket.socket], None]:
    """Send ``start``, then ``more`` again and again, slowly, until the client goes away."""

    def send(connection: socket.socket) -> None:
        connection.sendall(start)
        connection.settimeout(0.02)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            connection.sendall(more)
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue

    return send


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"", b""),
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["silence", "status line", "header", "body", "continue"],
)
def test_a_slow_answer_is_an_error_when_the_whole_time_is_over(
    serve: Any, start: bytes, more: bytes
) -> None:
    host = serve(drip(start, more))
    fetcher = development(timeout=0.3)
    began = time.monotonic()
    assert "0.3 seconds" in reason(lambda: fetcher.get(f"http://127.0.0.1:{host.port}/", "*/*"))
    assert time.monotonic() - began < 5


def test_a_tls_handshake_that_hangs_is_an_error_when_the_whole_time_is_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        began = time.monotonic()
        reason(lambda: development(timeout=0.3).get(url, "*/*"))
        assert time.monotonic() - began < 5


def test_a_slow_name_look_up_is_an_error_when_the_whole_time_is_over() -> None:
    answered = threading.Event()

    def slow(*_arguments: Any, **_options: Any) -> list[tuple[Any, ...]]:
        answered.wait(10)
        return []

    began = time.monotonic()
    fetcher = OutboundFetcher(timeout=0.2, resolver=slow)
    assert "0.2 seconds" in reason(lambda: fetcher.get(f"https://{NAME}/", "*/*"))
    assert time.monotonic() - began < 5
    answered.set()


def test_a_host_that_hangs_gives_its_place_back(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "MAX_CONCURRENT", 2)
    slow, quick = serve(drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x")), serve(HELLO)
    fetcher = development(timeout=0.3)
    for _ in range(4):
        reason(lambda: fetcher.get(f"http://127.0.0.1:{slow.port}/", "*/*"))
    assert fetcher.get(f"http://127.0.0.1:{quick.port}/", "*/*").status == 200


def test_more_fetches_than_places_are_told_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "MAX_CONCURRENT", 1)
    answered = threading.Event()

    def slow(*_arguments: Any, **_options: Any) -> list[tuple[Any, ...]]:
        answered.wait(10)
        return []

    fetcher = OutboundFetcher(timeout=0.2, resolver=slow)
    assert "did not answer" in reason(lambda: fetcher.check(f"https://{NAME}/"))
    with pytest.raises(TooManyWaiting):
        fetcher.check(f"https://{NAME}/")
    answered.set()


def test_a_missing_ca_bundle_is_found_at_the_start() -> None:
    with pytest.raises(OSError, match="No such file"):
        OutboundFetcher(ca_bundle="/nonexistent/ca.pem")


def test_tls_1_2_is_the_oldest_version_spoken(authority: Any) -> None:
    fetcher = development(ca_bundle=authority.bundle)
    assert fetcher.tls.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert fetcher.tls.check_hostname
    assert fetcher.tls.verify_mode is ssl.CERT_REQUIRED
