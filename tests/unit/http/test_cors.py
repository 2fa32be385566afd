"""Which scripts may read an answer, and what a preflight tells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyramid.request import Request
from pyramid.response import Response

from oidcserver.http.cors import (
    allow_any_origin,
    allow_registered_origin,
    origin_of,
)


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("https://client.example", "https://client.example"),
        ("https://Client.Example/cb?a=b#c", "https://client.example"),
        ("https://client.example:443/cb", "https://client.example"),
        ("http://client.example:80/cb", "http://client.example"),
        ("https://client.example:80/", "https://client.example:80"),
        ("http://localhost:8080/cb", "http://localhost:8080"),
        ("http://127.0.0.1/cb", "http://127.0.0.1"),
        ("http://[::1]:8080/cb", "http://[::1]:8080"),
        ("http://[0:0:0::1]/cb", "http://[::1]"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(uri: str, origin: str) -> None:
    assert origin_of(uri) == origin


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "null",
        "com.example.app:/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "//client.example/",
        "https:///cb",
        "https://user@client.example/",
        "https://*.client.example/",
        "https://client.example;x/",
        "https://client.example\r\nX: y",
        "https://client.example\t.net/",
        "https://client.example\\.net/",
        "https://bücher.example/",
        "https://client.example:x/",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
    ],
)
def test_what_has_no_plain_web_origin_has_none(uri: str) -> None:
    assert origin_of(uri) is None


@given(st.text() | st.text().map("https://".__add__))
def test_an_origin_is_safe_in_any_header(uri: str) -> None:
    origin = origin_of(uri)
    if origin is not None:
        assert set(origin) <= set("abcdefghijklmnopqrstuvwxyz0123456789:/.-_[]")
        assert origin_of(origin) == origin


def test_a_public_document_is_for_every_script_without_credentials() -> None:
    response = allow_any_origin(Response())
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers


ORIGINS = {"https://client.example", "http://localhost:8080"}
REDIRECT_URIS = ["com.example.app:/cb", *(f"{origin}/cb?a=b" for origin in ORIGINS)]


@pytest.mark.parametrize("origin", sorted(ORIGINS))
def test_a_registered_origin_may_read_the_answer(origin: str) -> None:
    request = Request.blank("/token", headers={"Origin": origin})
    response = allow_registered_origin(request, Response(), REDIRECT_URIS)
    assert response.headers["Access-Control-Allow-Origin"] == origin
    assert "DPoP-Nonce" in response.headers["Access-Control-Expose-Headers"]
    assert response.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "*"},
        {"Origin": "https://evil.example"},
        {"Origin": "https://client.example.evil.example"},
        {"Origin": "http://client.example"},
        {"Origin": "https://client.example:8443"},
        {"Origin": "https://CLIENT.example"},
        {"Origin": "https://client.example https://evil.example"},
    ],
)
def test_any_other_origin_may_not(headers: dict[str, str]) -> None:
    request = Request.blank("/token", headers=headers)
    response = allow_registered_origin(request, Response(), REDIRECT_URIS)
    assert "Access-Control-Allow-Origin" not in response.headers
    assert response.headers["Vary"] == "Origin"


def test_vary_keeps_what_was_there() -> None:
    response = Response(vary=("Accept-Language",))
    allow_registered_origin(Request.blank("/"), response, REDIRECT_URIS)
    assert response.headers.getall("Vary") == ["Accept-Language", "Origin"]
