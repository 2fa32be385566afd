"""Revocation (RFC 7009) and introspection (RFC 7662)."""

from typing import Any

import pytest
from support.app import Provider, RelyingParty

pytestmark = pytest.mark.both_databases


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register()


@pytest.fixture
def tokens(provider: Provider, client: RelyingParty) -> dict[str, Any]:
    return client.exchange(client.login(provider.browser())["code"])


@pytest.mark.parametrize("token_format", ["sealed", "jwt"])
def test_a_live_token_is_described_to_its_client(make_provider: Any, token_format: str) -> None:
    provider = make_provider(oauth__access_token_format=token_format)
    client = provider.register()
    tokens = client.exchange(client.login(provider.browser())["code"])
    assert tokens["access_token"].startswith("at_" if token_format == "sealed" else "ey")
    seen = client.introspect(tokens["access_token"])
    person = client.userinfo(tokens["access_token"]).json
    assert seen == {
        "active": True, "token_type": "Bearer", "client_id": client.client_id,
        "sub": person["sub"], "scope": "openid profile", "aud": provider.issuer,
        "iss": provider.issuer, "iat": seen["iat"], "exp": seen["iat"] + 600, "jti": seen["jti"],
        "username": "alice", "acr": "1", "auth_time": seen["auth_time"],
    }  # fmt: skip
    assert seen["iat"] - 60 < seen["auth_time"] <= seen["iat"]
    client.post("/oauth/revoke", token=tokens["access_token"], status=200)
    assert client.introspect(tokens["access_token"]) == {"active": False}


def test_a_revoked_access_token_is_dead_at_once_and_the_refresh_token_is_not(
    client: RelyingParty, tokens: dict[str, Any]
) -> None:
    client.post("/oauth/revoke", token=tokens["access_token"], status=200)
    client.userinfo(tokens["access_token"], status=401)
    client.post("/oauth/revoke", token=tokens["access_token"], status=200)
    assert "access_token" in client.refresh(tokens["refresh_token"])


def test_a_revoked_refresh_token_ends_the_family(
    client: RelyingParty, tokens: dict[str, Any]
) -> None:
    hint = {"token_type_hint": "access_token"}
    client.post("/oauth/revoke", token=tokens["refresh_token"], **hint, status=200)
    client.userinfo(tokens["access_token"], status=401)
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"


@pytest.mark.parametrize("token", ["unknown", "at_x", "rt_" + "x" * 43, "a.b.c", "\u00e9", '"\\'])
def test_revoking_an_unknown_token_is_no_error(client: RelyingParty, token: str) -> None:
    assert client.post("/oauth/revoke", token=token, status=200).json == {}


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_another_clients_token_stays_alive(
    provider: Provider, client: RelyingParty, tokens: dict[str, Any], kind: str
) -> None:
    other = provider.register()
    assert other.post("/oauth/revoke", token=tokens[kind], status=400).json["error"] == (
        "invalid_grant"
    )
    client.userinfo(tokens["access_token"])
    assert "access_token" in client.refresh(tokens["refresh_token"])


def test_a_token_is_missing(client: RelyingParty) -> None:
    for path in ("/oauth/revoke", "/oauth/introspect"):
        assert client.post(path, status=400).json["error"] == "invalid_request"


@pytest.mark.parametrize("path", ["/oauth/revoke", "/oauth/introspect"])
def test_callers_have_to_authenticate(
    client: RelyingParty, tokens: dict[str, Any], path: str
) -> None:
    client.http.post(path, {"token": tokens["access_token"]}, status=401)
    client.http.get(path, status=405)


def test_a_public_client_cannot_introspect(provider: Provider) -> None:
    client = provider.register(token_endpoint_auth_method="none")
    assert client.post("/oauth/introspect", token="x", status=401).json["error"] == "invalid_client"


def test_only_those_it_concerns_learn_of_a_token(
    provider: Provider, client: RelyingParty, tokens: dict[str, Any]
) -> None:
    stranger = provider.register()
    resource_server = provider.register(resource_server=True)
    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert stranger.introspect(token) == {"active": False}
    assert resource_server.introspect(tokens["access_token"])["active"] is True
    assert resource_server.introspect(tokens["refresh_token"]) == {"active": False}


def test_a_refresh_token_is_described_to_its_client(
    client: RelyingParty, tokens: dict[str, Any]
) -> None:
    seen = client.introspect(tokens["refresh_token"])
    assert (seen["active"], seen["username"], seen["scope"]) == (True, "alice", "openid profile")
    assert seen["token_type"] == "N_A", "a resource must not take it for an access token"
    client.refresh(tokens["refresh_token"])
    assert client.introspect(tokens["refresh_token"]) == {"active": False}


def test_a_hint_does_not_hide_a_token_of_another_kind(
    client: RelyingParty, tokens: dict[str, Any]
) -> None:
    """RFC 7662 section 2.1: the search is extended to all kinds."""
    for hint in ("access_token", "refresh_token", "unknown"):
        for name, token_type in (("access_token", "Bearer"), ("refresh_token", "N_A")):
            form = {"token": tokens[name], "token_type_hint": hint}
            assert client.post("/oauth/introspect", **form).json["token_type"] == token_type


@pytest.mark.parametrize(
    "token", ["unknown", "at_x.y", "\u00e9", "a.b.c", "eyJhbGciOiJub25lIn0.e30."]
)
def test_garbage_is_inactive(client: RelyingParty, token: str) -> None:
    assert client.introspect(token) == {"active": False}


def test_an_expired_token_is_inactive(
    client: RelyingParty, tokens: dict[str, Any], clock: Any
) -> None:
    clock.advance(600)
    assert client.introspect(tokens["access_token"]) == {"active": False}


def test_an_id_token_is_no_access_token(client: RelyingParty, tokens: dict[str, Any]) -> None:
    assert client.introspect(tokens["id_token"]) == {"active": False}
    client.userinfo(tokens["id_token"], status=401)


def test_the_user_name_is_for_resource_servers_and_for_who_may_read_the_profile(
    provider: Provider,
) -> None:
    """Clients that compare user names could undo pairwise subjects (Core section 8.1)."""
    client = provider.register(subject_type="pairwise")
    resource_server = provider.register(resource_server=True)
    browser = provider.browser()
    for scope, expected in (("openid email", False), ("openid profile", True)):
        granted = client.exchange(client.login(browser, scope=scope)["code"])
        for name in ("access_token", "refresh_token"):
            assert ("username" in client.introspect(granted[name])) is expected
        assert resource_server.introspect(granted["access_token"])["username"] == "alice"
