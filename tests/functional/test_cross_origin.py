"""A single-page application can read the answers to its requests, errors included (Fetch)."""

from typing import Any

import pytest
import webtest
from sqlalchemy.exc import OperationalError
from support.app import Provider, RelyingParty

ORIGIN = {"Origin": "https://spa.example"}
ENDPOINTS = (
    "authorization pushed_authorization_request token revocation introspection userinfo jwks "
    "registration client_configuration openid_configuration oauth_authorization_server end_session"
)
#: Each with the methods that it answers.
FOR_SCRIPTS = {
    "/oauth/token": "POST",
    "/oauth/par": "POST",
    "/oauth/userinfo": "GET, POST",
    "/oauth/revoke": "POST",
    "/oauth/register": "POST",
    "/oauth/register/some-client": "GET, PUT, DELETE",
    "/oauth/jwks.json": "GET",
    "/.well-known/openid-configuration": "GET",
    "/.well-known/oauth-authorization-server": "GET",
}
OTHERS = ("/oauth/introspect", "/oauth/authorize", "/oauth/end_session", "/login", "/nowhere")


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(
        oauth__endpoints=ENDPOINTS,
        oauth__registration="open",
        oauth__registration_limit="1",
    )
    return made


@pytest.fixture
def http(provider: Provider) -> webtest.TestApp:
    return webtest.TestApp(provider.wsgi)


def assert_readable(response: webtest.TestResponse) -> None:
    assert response.headers.getall("Access-Control-Allow-Origin") == ["*"]
    exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"WWW-Authenticate", "Retry-After", "DPoP-Nonce", "Error-Reference"} <= set(exposed)
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize("path", FOR_SCRIPTS)
def test_a_preflight_is_answered_wherever_scripts_ask(http: webtest.TestApp, path: str) -> None:
    headers = {
        **ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type, mcp-protocol-version",
    }
    answer = http.options(path, headers=headers, status=204)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == f"{FOR_SCRIPTS[path]}, OPTIONS"
    allowed = answer.headers["Access-Control-Allow-Headers"].split(", ")
    assert {"Authorization", "Content-Type", "DPoP", "*"} <= set(allowed)


@pytest.mark.parametrize("path", FOR_SCRIPTS)
def test_errors_of_every_kind_are_readable(http: webtest.TestApp, path: str) -> None:
    for answer, status in (
        (http.request(path, method="PATCH", headers=ORIGIN, status="*"), 405),
        (http.get(f"{path}?x=%ff", headers=ORIGIN, status="*"), 400),
        (http.post(path, b"x" * 70000, headers=ORIGIN, status="*"), 413),
        (http.get(path, headers={**ORIGIN, "X": "x" * 20000}, status="*"), 431),
    ):
        assert answer.status_int == status
        assert_readable(answer)


@pytest.mark.parametrize("path", OTHERS)
def test_what_is_for_no_script_is_not(http: webtest.TestApp, path: str) -> None:
    for method in ("OPTIONS", "PATCH", "GET"):
        answer = http.request(path, method=method, headers=ORIGIN, status="*")
        assert "Access-Control-Allow-Origin" not in answer.headers, method


def test_an_application_can_tell_that_its_token_has_expired(
    provider: Provider, http: webtest.TestApp
) -> None:
    for headers in ({}, {"Authorization": "Bearer expired"}):
        refused = http.get("/oauth/userinfo", headers={**ORIGIN, **headers}, status=401)
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
        assert_readable(refused)


def test_and_why_it_gets_no_token(provider: Provider) -> None:
    client = provider.register()
    for headers, form, status in (
        (client.basic(), {"grant_type": "authorization_code", "code": "used"}, 400),
        (client.basic(), {}, 400),
        ({}, {"grant_type": "refresh_token", "client_id": "unknown"}, 401),
    ):
        for path in ("/oauth/token", "/oauth/revoke"):
            refused = client.http.post(path, form, headers={**ORIGIN, **headers}, status="*")
            if path == "/oauth/token":
                assert refused.status_int == status
            assert refused.status_int >= 400
            assert_readable(refused)


def test_and_how_long_to_wait(provider: Provider, http: webtest.TestApp) -> None:
    members = {"redirect_uris": ["https://spa.example/cb"]}
    registered = http.post_json("/oauth/register", members, headers=ORIGIN, status=201)
    assert registered.headers["Access-Control-Allow-Origin"] == "*"
    manage = {**ORIGIN, "Authorization": f"Bearer {registered.json['registration_access_token']}"}
    path = registered.json["registration_client_uri"].removeprefix(provider.issuer)
    assert http.get(path, headers=manage).headers["Access-Control-Allow-Origin"] == "*"
    assert http.delete(path, headers=manage).headers["Access-Control-Allow-Origin"] == "*"
    refused = http.post_json("/oauth/register", members, headers=ORIGIN, status=429)
    assert int(refused.headers["Retry-After"]) > 0
    assert_readable(refused)


def test_while_the_database_is_away_too(
    provider: Provider, http: webtest.TestApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: Any, **__: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    client = provider.register()
    monkeypatch.setattr(provider.registry.oidc.database, "read", cut)
    refused = http.post(
        "/oauth/token",
        {"grant_type": "refresh_token"},
        headers={**ORIGIN, **client.basic()},
        status=503,
    )
    assert int(refused.headers["Retry-After"]) > 0
    assert_readable(refused)


def test_what_a_token_gives_is_for_the_pages_of_its_client(provider: Provider) -> None:
    client: RelyingParty = provider.register()
    tokens = client.exchange(client.login(provider.browser())["code"])
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    for origin, readable in (("https://client.example", True), ("https://spa.example", False)):
        answer = client.http.get("/oauth/userinfo", headers={**bearer, "Origin": origin})
        assert (answer.headers.get("Access-Control-Allow-Origin") == origin) is readable
        assert "Origin" in answer.headers["Vary"]
