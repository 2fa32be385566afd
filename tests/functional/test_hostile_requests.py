"""Requests that no application of good will sends: each gets an answer that fits, soon."""

import pytest
from support.app import Provider

FOREIGN_COOKIES = b"other=caf\xe9; x=\"\\377\"; y={'a': [1]}; z".decode("latin-1")


@pytest.mark.parametrize(
    "path", ["/", "/login", "/oauth/jwks.json", "/.well-known/openid-configuration"]
)
def test_cookies_of_another_application_on_the_host_change_nothing(
    provider: Provider, path: str
) -> None:
    response = provider.browser().get(path, headers={"Cookie": FOREIGN_COOKIES})
    assert response.status_int == 200


def test_a_user_stays_signed_in_beside_cookies_of_another_application(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in("alice")
    own = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    browser.reset()
    page = browser.get("/account", headers={"Cookie": f"{FOREIGN_COOKIES}; {own}"})
    assert "alice" in page.text


@pytest.mark.parametrize("path", ["/login", "/oauth/authorize", "/oauth/revoke", "/unknown"])
def test_multipart_is_answered_unread_where_no_standard_sends_it(
    provider: Provider, path: str
) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    response = provider.browser().post(path, b"--x--", headers=headers, status=415)
    assert response.json["error"] == "invalid_request"


def test_a_file_is_no_parameter_of_a_token_request(provider: Provider) -> None:
    client = provider.register(grant_types=["client_credentials"])
    response = client.http.post(
        "/oauth/token", {"grant_type": "client_credentials"}, headers=client.basic(),
        upload_files=[("scope", "scope.txt", b"email")], status=400,
    )  # fmt: skip
    assert "file" in response.json["error_description"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE", "PATCH"])
def test_static_files_can_only_be_read(provider: Provider, method: str) -> None:
    browser = provider.browser()
    path = "/oidcserver-static/oidcserver.css"
    for allowed in ("GET", "HEAD"):
        assert browser.request(path, method=allowed).status_int == 200
    assert browser.request(path, method="OPTIONS").headers["Allow"] == "GET, HEAD, OPTIONS"
    rejected = browser.request(path, method=method, status=405)
    assert rejected.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert rejected.body == b""


@pytest.mark.parametrize("path", ["/oidcserver-static/oidcserver.css", "/oauth/jwks.json"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=-"},
        {"Range": "bytes=a-b", "If-Range": "x"},
        {"If-Modified-Since": "Mon, 01 Jan 99999 00:00:00 GMT"},
        {"If-Modified-Since": "Thu, 01 Jan 9999999999 00:00:00 GMT"},
        {"If-None-Match": 'W/"'},
    ],
)
def test_a_condition_that_is_none_is_ignored(
    provider: Provider, path: str, headers: dict[str, str]
) -> None:
    for method in ("GET", "HEAD"):
        assert provider.browser().request(path, method=method, headers=headers).status_int == 200
