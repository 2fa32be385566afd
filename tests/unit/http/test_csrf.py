"""Which forms are believed to come from our own pages."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from pyramid.exceptions import BadCSRFOrigin, BadCSRFToken
from pyramid.request import Request
from pyramid.response import Response

from oidcserver.http.csrf import MAX_AGE, ForeignOrigins, check_request, csrf_token

TOKEN = "t" * 32
ORIGIN = "https://login.example"


def form(
    headers: Mapping[str, str] | None = None, *, field: str | None = TOKEN, cookie: str = TOKEN
) -> Any:
    """Return a posted form of that origin's page."""
    fields = {} if field is None else {"csrf_token": field}
    request = Request.blank("/login", POST=fields, headers=dict(headers or {}))
    if cookie:
        request.cookies["__Host-oidcserver_csrf"] = cookie
    provider = SimpleNamespace(
        origin=ORIGIN, secure=True, cookie_name="__Host-oidcserver_{}".format
    )
    request.oidc = SimpleNamespace(provider=provider)
    return request


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": ORIGIN},
        {"Referer": f"{ORIGIN}/login?request_uri=x"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"},
        {"Origin": ORIGIN, "Host": "internal:6543"},
        {},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null"},
    ],
)
def test_a_form_of_our_own_page_is_believed(headers: dict[str, str]) -> None:
    check_request(form(headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://login.example"},
        {"Origin": "https://login.example:444"},
        {"Origin": "https://login.example.evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Sec-Fetch-Site": "none"},
        {"Origin": "null", "Referer": "https://evil.example/"},
        {"Origin": "https://evil.example", "Host": "evil.example"},
        {"Referer": "https://evil.example/https://login.example/"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_form_from_elsewhere_is_rejected_even_with_the_token(headers: dict[str, str]) -> None:
    with pytest.raises(BadCSRFOrigin):
        check_request(form(headers))


@pytest.mark.parametrize("origin", ["null", ORIGIN])
def test_without_the_token_no_origin_is_enough(origin: str) -> None:
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
    with pytest.raises(BadCSRFToken):
        check_request(form(headers, field=None))


def test_each_foreign_origin_is_logged_once_and_not_more_than_some(
    caplog: pytest.LogCaptureFixture,
) -> None:
    origins = ForeignOrigins()
    for number in [1, 1, *range(1000)]:
        origins.report(f"https://{number}.example", ORIGIN)
    assert len(caplog.messages) == ForeignOrigins.LIMIT
    assert "https://1.example" in caplog.messages[0]
    assert ORIGIN in caplog.messages[0]


@pytest.mark.parametrize("field", [None, "", "x" * 32, TOKEN[:-1], "ü"])
def test_a_form_without_the_token_is_rejected(field: str | None) -> None:
    with pytest.raises(BadCSRFToken):
        check_request(form({"Origin": ORIGIN}, field=field))


def test_a_form_without_the_cookie_is_rejected() -> None:
    with pytest.raises(BadCSRFToken):
        check_request(form({"Origin": ORIGIN}, cookie=""))


def test_a_script_of_ours_may_send_the_token_as_a_header() -> None:
    check_request(form({"Origin": ORIGIN, "X-CSRF-Token": TOKEN}, field=None))


def test_the_cookie_outlives_the_page_and_belongs_to_this_host_alone() -> None:
    request = form(cookie="")
    token = csrf_token(request)
    response = Response()
    request._process_response_callbacks(response)
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith(f"__Host-oidcserver_csrf={token}; ")
    attributes = cookie.lower().split("; ")
    assert {"secure", "httponly", "path=/", "samesite=lax", f"max-age={MAX_AGE}"} <= {*attributes}
    assert not any(attribute.startswith("domain") for attribute in attributes)


def test_the_token_stays_while_the_cookie_does() -> None:
    assert csrf_token(form()) == TOKEN
