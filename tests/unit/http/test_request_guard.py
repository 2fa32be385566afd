"""Requests that are rejected before any part of the provider reads them."""

import io
import json
import time
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from pyramid.tweens import INGRESS

from oidcserver.http import request_guard
from oidcserver.http.headers import protective_headers
from oidcserver.keys.jwe import MAX_ENCRYPTED_BYTES

FORM = "application/x-www-form-urlencoded"


def read_everything(_context: Any, request: Request) -> Response:
    """Touch all that raises in Pyramid and WebOb when it cannot be decoded."""
    return Response(
        json_body={
            "path": request.path_info,
            "query": list(request.GET.items()),
            "form": list(request.POST.items()),
            "cookies": dict(request.cookies),
            "length": len(request.body),
        }
    )


def make_app(*, embedded: bool = False, route_prefix: str = "") -> Any:
    with Configurator() as config:
        config.include("oidcserver.plugins.request_attributes")
        config.registry.oidc.provider = SimpleNamespace(
            embedded=embedded, route_prefix=route_prefix, secure=True, multipart_paths={"/token"},
            route_names={"ours", "home"},
        )  # fmt: skip
        config.add_route("ours", "/oauth/{endpoint}")
        config.add_route("home", "/")
        config.add_tween(f"{request_guard.__name__}.request_guard_tween_factory", under=INGRESS)
        config.add_route("everything", "/*path")
        for name in ("ours", "home", "everything"):
            config.add_view(read_everything, route_name=name)
        return config.make_wsgi_app()


APP = make_app()


def send(
    path: str = "/", query: str = "", body: bytes | None = None, app: Any = APP, **environ: Any
) -> Response:
    """Send a request; ``path`` and ``query`` as WSGI has them (bytes as latin-1)."""
    request = Request.blank("/")
    request.environ |= {"PATH_INFO": path, "QUERY_STRING": query}
    if body is not None:
        request.environ |= {
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": FORM,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
    request.environ |= environ
    return request.get_response(app)


def test_a_plain_request_passes_and_its_body_is_read_as_ever() -> None:
    response = send("/caf\xc3\xa9", "q=%C3%A9", b"a=%E2%82%AC&b=+", HTTP_COOKIE='c="\\303\\251"')
    assert response.json == {
        "path": "/café",
        "query": [["q", "é"]],
        "form": [["a", "€"], ["b", " "]],
        "cookies": {"c": "é"},
        "length": 15,
    }


def test_a_body_that_is_no_form_is_not_looked_into() -> None:
    response = send(body=b"\xff\x00%00", CONTENT_TYPE="application/octet-stream")
    assert response.json["length"] == 5


MULTIPART: dict[str, Any] = {"path": "/token", "CONTENT_TYPE": "multipart/form-data; boundary=b"}


def part(name: str, value: bytes, more: str = "") -> bytes:
    """Return one part of a form."""
    disposition = f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return disposition.encode() + value + b"\r\n"


def multipart(name: str, size: int) -> bytes:
    """Return a form of one parameter of so many bytes."""
    return part(name, b"x" * size) + b"--b--\r\n"


BAD: list[tuple[int, dict[str, Any]]] = [
    (400, {"path": "/\xff"}),
    (400, {"path": "/a\x00b"}),
    (400, {"path": "/\xed\xa0\x80"}),
    (400, {"query": "q=%ff"}),
    (400, {"query": "%ff=q"}),
    (400, {"query": "q=\xff"}),
    (400, {"query": "q=%c3&r=%a9"}),
    (400, {"query": "q=%00"}),
    (400, {"query": "q=\x00"}),
    (400, {"query": "q=" + "x" * 4097}),
    (400, {"query": "q" * 4097}),
    (400, {"query": "&".join("abc" for _ in range(257))}),
    (400, {"query": ";".join("abc" for _ in range(257))}),
    (400, {"body": b"q=%ff"}),
    (400, {"body": b"q=\xff"}),
    (400, {"body": b"q=%00"}),
    (400, {"body": b"q=a\x00b"}),
    (400, {"body": b"q=" + b"x" * 4097}),
    (400, {"body": b"requests=" + b"x" * 4097}),
    (400, {"body": b"request=" + b"x" * (MAX_ENCRYPTED_BYTES + 1)}),
    (400, {"body": multipart("request", MAX_ENCRYPTED_BYTES + 1), **MULTIPART}),
    (400, {"body": multipart("q", 4097), **MULTIPART}),
    (400, {"body": b"a&" * 300}),
    (400, {"body": b"q=%ff", "CONTENT_TYPE": ""}),
    (400, {"body": b"q=%ff", "CONTENT_TYPE": "Application/X-WWW-Form-Urlencoded;a=b"}),
    (400, {"body": b"q=%ff", "REQUEST_METHOD": "PUT"}),
    (400, {"body": b"q=a", "CONTENT_TYPE": f"{FORM}; charset=utf-16"}),
    (400, {"body": b"q=a", "CONTENT_TYPE": f'{FORM}; charset="nonsense"'}),
    (400, {"body": b"x", "path": "/token", "CONTENT_TYPE": "multipart/form-data"}),
    (400, {"body": b"x", "path": "/token", "CONTENT_TYPE": "multipart/form-data; boundary="}),
    (400, {"body": b"", **MULTIPART}),
    (400, {"body": b"--b", **MULTIPART}),
    (400, {"body": part("q", b"\xff") + b"--b--", **MULTIPART}),
    (400, {"body": part("q", b"\0") + b"--b--", **MULTIPART}),
    (400, {"body": part("q", b"x"), **MULTIPART}),
    (400, {"body": part("q", b"x", '; filename="f"') + b"--b--", **MULTIPART}),
    (400, {"body": part("q", b"x") * 257 + b"--b--", **MULTIPART}),
    (400, {"body": multipart("q", 1), **MULTIPART, "CONTENT_TYPE": "multipart/mixed; boundary=b"}),
    (415, {"body": multipart("q", 1), **MULTIPART, "path": "/authorize"}),
    (415, {"body": b"x", "CONTENT_TYPE": "Multipart/Form-Data"}),
    (415, {"body": b"", "CONTENT_TYPE": "multipart/form-data", "REQUEST_METHOD": "POST"}),
    (400, {"body": b"x", "CONTENT_LENGTH": "x"}),
    (400, {"body": b"x", "CONTENT_LENGTH": "-1"}),
    (400, {"body": b"x", "CONTENT_LENGTH": "1_0"}),
    (400, {"body": b"x", "CONTENT_LENGTH": "\xb2"}),
    (400, {"body": b"x", "CONTENT_LENGTH": "2"}),
    (413, {"body": b"x" * 65537, "CONTENT_TYPE": "application/json"}),
    (413, {"body": b"x", "CONTENT_LENGTH": "1000000"}),
    (413, {"body": b"x", "CONTENT_LENGTH": "9" * 5000}),
    (414, {"path": "/" + "a" * 65536}),
    (414, {"query": "&".join("q=" + "x" * 4000 for _ in range(17))}),
    (431, {"HTTP_X": "x" * 16384}),
    (431, {"CONTENT_TYPE": "x" * 16385}),
    (431, {f"HTTP_X{number}": "x" * 1000 for number in range(17)}),
]


@pytest.mark.parametrize(("status", "request_"), BAD, ids=range(len(BAD)))
def test_what_cannot_be_read_is_rejected(status: int, request_: dict[str, Any]) -> None:
    response = send(**request_)
    assert response.status_int == status
    for header, value in protective_headers(SimpleNamespace(secure=True)).items():
        assert response.headers[header] == value
    assert "Strict-Transport-Security" in response.headers
    assert response.headers["Content-Type"] == "application/json"
    assert response.json["error"] == "invalid_request"
    assert response.json["error_description"].endswith(".")


FINE: list[dict[str, Any]] = [
    {"query": "id_token_hint=" + "x" * 60000},
    {"body": b"id_token_hint=" + b"x" * 60000},
    {"body": b"access_token=" + b"x" * 60000},
    {"body": b"token=" + b"x" * 60000},
    {"query": "q=" + "x" * 4096},
    {"query": "q=" + "%41" * 4096},
    {"query": "&".join("abc" for _ in range(256))},
    {"body": b"q=" + b"x" * 4096},
    {"body": b"&".join(b"q=" + b"x" * 4090 for _ in range(16))},
    {"query": "a=b&request=" + "x" * 16000},
    {"body": b"request=" + b"x" * MAX_ENCRYPTED_BYTES},
    {"body": multipart("request", MAX_ENCRYPTED_BYTES), **MULTIPART},
    {"body": multipart("q", 4096), **MULTIPART},
    {"body": b"x" * 65536, "CONTENT_TYPE": "application/json"},
    {"body": b"q=a", "CONTENT_TYPE": f"{FORM}; charset=UTF-8"},
    {"body": b"q=a", "CONTENT_TYPE": f'{FORM};charset="utf-8"'},
    {"body": b"", "CONTENT_LENGTH": ""},
    {"body": b"", "CONTENT_LENGTH": "0"},
    {"HTTP_X": "x" * 16000},
]


@pytest.mark.parametrize("request_", FINE, ids=range(len(FINE)))
def test_what_is_within_the_limits_passes(request_: dict[str, Any]) -> None:
    assert send(**request_).status_int == 200


def test_a_multipart_form_becomes_what_the_standards_send() -> None:
    body = part("q", b"a\r\n&b", "\r\nContent-Type: text/plain") + part("\u00e9", b"1") + b"--b--"
    response = send(body=body, **MULTIPART)
    assert response.json["form"] == [["q", "a\r\n&b"], ["\u00e9", "1"]]
    assert response.json["length"] == len("q=a%0D%0A%26b&%C3%A9=1")


def test_cookies_of_others_that_cannot_be_read_are_left_out() -> None:
    for foreign in (
        "a=\xff", 'a="\\377"', 'a="\\000"', "a", "a=b[c", 'a={"b": 1}', 'a="b', "\xff=b", "",
    ):  # fmt: skip
        response = send(HTTP_COOKIE=f"{foreign}; ours=se_x-y; {foreign}; other=%00|\x27()")
        assert response.json["cookies"] == {"ours": "se_x-y", "other": "%00|'()"}, foreign


def seconds_for(run: Callable[[], object]) -> float:
    """Return the seconds of processor time that a call takes, at best of three."""

    def once() -> float:
        start = time.process_time()
        run()
        return time.process_time() - start

    return min(once() for _ in range(3))


#: What makes a parser go over the same bytes again and again: a run of so many bytes.
HOSTILE: dict[str, Callable[[int], dict[str, Any]]] = {
    "multipart header": lambda size: {"body": part("q", b"", ";" * size) + b"--b--", **MULTIPART},
    "multipart quote without an end": lambda size: {
        "body": b'--b\r\nContent-Disposition: form-data; name="' + b";" * size + b"\r\n\r\n--b--",
        **MULTIPART,
    },
    "multipart quotes": lambda size: {
        "body": part("q", b"", ';a="' * 50) * (size // 250) + b"--b--", **MULTIPART
    },
    "multipart boundary": lambda size: {
        "body": b"x", "path": "/token",
        "CONTENT_TYPE": "multipart/form-data" + ';a="' * (size // 16),
    },
    "multipart line ends": lambda size: {
        "body": part("q", b"\r\n--" * (size // 4)) + b"--b--", **MULTIPART
    },
    "parameters": lambda size: {"body": b"&" * size},
    "cookie without a value": lambda size: {"HTTP_COOKIE": "a" * (size // 4 - 100)},
    "cookie after its value": lambda size: {"HTTP_COOKIE": "a=[" + "a" * (size // 4 - 100)},
    "cookie quotes": lambda size: {"HTTP_COOKIE": 'a="' * (size // 12 - 100)},
    "cookie escapes": lambda size: {"HTTP_COOKIE": 'a="' + '\\"' * (size // 8 - 100)},
    "content type": lambda size: {"body": b"x", "CONTENT_TYPE": ";" * (size // 4 - 100)},
    "accept": lambda size: {"query": "%ff", "HTTP_ACCEPT": 'a/b;a="' * (size // 28 - 100)},
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_eight_times_the_bytes_cost_nowhere_near_sixty_four_times_the_time(name: str) -> None:
    small, large = (partial(send, **HOSTILE[name](size)) for size in (8000, 64000))
    # Below a hundredth of a second no request matters, and nothing can be measured.
    assert seconds_for(large) < 24 * max(seconds_for(small), 0.01)


class Chunked(io.BytesIO):
    """A chunked body as a server passes it on: no length, an end, and few bytes at a time."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(1000 if size is None or size < 0 else min(size, 1000))
        self.taken += len(data)
        return data


def send_chunked(body: bytes) -> tuple[Response, int]:
    chunked = Chunked(body)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": FORM,
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": chunked,
        "wsgi.input_terminated": True,
    }
    return send(**environ), chunked.taken


def test_a_chunked_body_is_read_once_and_passed_on() -> None:
    body = b"&".join(b"q=" + b"x" * 4000 for _ in range(10))
    response, taken = send_chunked(body)
    assert response.json["length"] == taken == len(body)
    assert len(response.json["form"]) == 10


def test_a_chunked_body_that_is_too_large_is_read_no_further_than_the_limit() -> None:
    response, taken = send_chunked(b"x" * 10_000_000)
    assert response.status_int == 413
    assert taken == 65537


def test_a_chunked_body_is_checked_like_any_other() -> None:
    assert send_chunked(b"q=%ff")[0].status_int == 400


def test_input_without_a_marked_end_and_without_a_length_is_not_touched() -> None:
    class Untouchable(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise AssertionError

    environ: dict[str, Any] = {"wsgi.input": Untouchable()}
    assert send(**environ).status_int == 200


def test_a_browser_gets_a_page_and_everybody_else_json() -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    response = send(query="q=%ff", HTTP_ACCEPT=browser)
    assert response.status_int == 400
    assert response.content_type == "text/html"
    assert "<p>The query is not UTF-8.</p>" in response.text
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert response.headers["X-Frame-Options"] == "DENY"
    assert "camera=()" in response.headers["Permissions-Policy"]
    for accept in ("*/*", "application/json", "image/png", "nonsense;;", "\xff"):
        response = send(query="q=%ff", HTTP_ACCEPT=accept)
        assert json.loads(response.body)["error"] == "invalid_request"


def test_a_body_that_was_read_further_out_is_read_again() -> None:
    request = Request.blank("/", POST={"a": "b"})
    assert request.body_file_raw.read() == b"a=b"
    guarded = request_guard.request_guard_tween_factory(
        lambda request: Response(request.POST["a"]),
        SimpleNamespace(
            oidc=SimpleNamespace(
                provider=SimpleNamespace(embedded=False, multipart_paths=(), secure=True)
            )
        ),
    )
    assert guarded(request).text == "b"


def test_a_connection_that_breaks_is_no_server_error() -> None:
    class Broken(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise ConnectionResetError

    environ: dict[str, Any] = {"wsgi.input": Broken()}
    assert send(body=b"a=b", **environ).status_int == 400


def test_embedded_only_the_providers_paths_are_guarded() -> None:
    app = make_app(embedded=True, route_prefix="/auth")
    too_many = "&".join("abc" for _ in range(300))
    for path in ("/auth", "/auth/token"):
        assert send(path, too_many, app=app).status_int == 400
    for path in ("/", "/authors", "/upload"):
        assert send(path, too_many, app=app).status_int == 200


def test_embedded_without_a_prefix_too() -> None:
    app = make_app(embedded=True)
    too_many = "&".join("abc" for _ in range(300))
    for path in ("/oauth/token", "/oauth/unknown", "/"):
        assert send(path, too_many, app=app).status_int == 400
    for path in ("/oauth2", "/upload", "/upload/oauth"):
        assert send(path, too_many, app=app).status_int == 200
        upload = multipart("file", 5000)
        response = send(path, body=upload, app=app, CONTENT_TYPE=MULTIPART["CONTENT_TYPE"])
        assert response.json["form"] == [["file", "x" * 5000]]


@pytest.mark.parametrize(
    ("name", "values", "kept"),
    [
        ("HTTP_RANGE", ["bytes=0-", "bytes=-5", "bytes=0-1, 5-9"], True),
        (
            "HTTP_RANGE",
            ["bytes=-", "bytes=", "x=1-2", "bytes=1-" + "9" * 400, "bytes=\xb2-"],
            False,
        ),
        ("HTTP_IF_MODIFIED_SINCE", ["Mon, 01 Jan 2024 00:00:00 GMT"], True),
        (
            "HTTP_IF_MODIFIED_SINCE",
            ["x", "Mon, 01 Jan 99999 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -9999"],
            False,
        ),
        ("HTTP_IF_UNMODIFIED_SINCE", ["Thu, 01 Jan 9999999999 00:00:00 GMT"], False),
    ],
)
def test_a_range_or_date_that_is_none_does_not_count(
    name: str, values: list[str], kept: bool
) -> None:
    for value in values:
        request = Request.blank("/", environ={name: value})
        assert request.get_response(APP).status_int == 200
        assert (name in request.environ) == kept, value


def test_without_a_body_its_charset_says_nothing() -> None:
    for content_type in (f"{FORM}; charset=utf-16", "text/plain; charset=x"):
        assert send(body=b"", CONTENT_TYPE=content_type).status_int == 200


raw = st.binary(max_size=40).map(lambda data: data.decode("latin-1"))
escapes = st.lists(
    st.sampled_from(
        ["%", "%f", "%ff", "%00", "%c3", "%a9", "&", ";", "=", "+", "a", "\\", "é", '"']
    )
    | raw
).map("".join)
content_types = st.sampled_from(
    [FORM, "", "multipart/form-data; boundary=b", "application/json", "text/plain; charset=x"]
)


fuzzed = st.fixed_dictionaries(
    {
        "path": escapes.map("/".__add__) | st.just("/token"),
        "query": escapes,
        "body": st.binary() | escapes.map(str.encode),
        "CONTENT_TYPE": content_types | escapes,
        "HTTP_COOKIE": escapes | escapes.map('a="{}"'.format),
        "HTTP_ACCEPT": escapes,
    }
)


@settings(max_examples=300)
@given(fuzzed)
def test_nothing_that_passes_raises_later(request_: dict[str, Any]) -> None:
    assert send(**request_).status_int in {200, 400, 415}
