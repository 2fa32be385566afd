"""Which forms are believed to come from our own pages."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from pyramid.exceptions import BadCSRFOrigin, BadCSRFToken
from pyramid.request import Request
from pyramid.response import Response

from oidcserver.security.csrf import MAX_AGE, check_request, csrf_token

TOKEN = "t" * 32
ORIGIN = "https://login.example"


def form(
    headers: Mapping[str, str] | None = None, *, field: str | None = TOKEN, cookie: str = TOKEN
) -> Any:
    """Return a posted form of that origin's page."""
    fields = {} if field is None else {"csrf_token": field}
    request = Request.blank("/login", POST=fields, headers=dict(headers or {}))
    if cookie:
        request.cookies["__Host-oidc_csrf"] = cookie
    request.provider = SimpleNamespace(origin=ORIGIN, secure=True)
    return request


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": ORIGIN},
        {"Referer": f"{ORIGIN}/login?request_uri=x"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"},
        {"Origin": ORIGIN, "Host": "internal:6543"},
        {},
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
        {"Origin": "null"},
        {"Origin": "https://evil.example", "Host": "evil.example"},
        {"Referer": "https://evil.example/https://login.example/"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_form_from_elsewhere_is_refused_even_with_the_token(headers: dict[str, str]) -> None:
    with pytest.raises(BadCSRFOrigin):
        check_request(form(headers))


@pytest.mark.parametrize("field", [None, "", "x" * 32, TOKEN[:-1], "ü"])
def test_a_form_without_the_token_is_refused(field: str | None) -> None:
    with pytest.raises(BadCSRFToken):
        check_request(form({"Origin": ORIGIN}, field=field))


def test_a_form_without_the_cookie_is_refused() -> None:
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
    assert cookie.startswith(f"__Host-oidc_csrf={token}; ")
    attributes = cookie.lower().split("; ")
    assert {"secure", "httponly", "path=/", "samesite=lax", f"max-age={MAX_AGE}"} <= {*attributes}
    assert not any(attribute.startswith("domain") for attribute in attributes)


def test_the_token_stays_while_the_cookie_does() -> None:
    assert csrf_token(form()) == TOKEN
