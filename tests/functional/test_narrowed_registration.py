"""The present registration of a client decides, not that of the time of the consent."""

from typing import Any

import pytest
from support.app import Browser, Provider, RelyingParty

from oidcserver.models import Client

pytestmark = pytest.mark.both_databases

ALL = "openid profile email offline_access"


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(scope=ALL)


@pytest.fixture
def browser(provider: Provider) -> Browser:
    return provider.browser()


def narrow(client: RelyingParty, **members: Any) -> None:
    """Register less."""
    with client.provider.database() as dbsession:
        row = dbsession.get_one(Client, client.client_id)
        row.client_metadata = {**row.client_metadata, **members}


def test_a_refresh_token_gives_no_scope_that_was_taken_away(
    client: RelyingParty, browser: Browser
) -> None:
    tokens = client.exchange(client.login(browser, scope=ALL)["code"])
    narrow(client, scope="openid profile offline_access")
    assert client.introspect(tokens["refresh_token"])["scope"] == "openid profile offline_access"
    assert client.introspect(tokens["refresh_token"])["username"] == "alice"
    fresh = client.refresh(tokens["refresh_token"])
    assert fresh["scope"] == "openid profile offline_access"
    assert "email" not in client.userinfo(fresh["access_token"]).json
    narrow(client, scope="profile offline_access")
    fresh = client.refresh(fresh["refresh_token"])
    assert fresh["scope"] == "profile offline_access"
    assert "id_token" not in fresh
    asked = client.refresh(fresh["refresh_token"], scope="email profile")
    assert asked["scope"] == "profile"


def test_without_offline_access_it_ends_with_the_session(
    client: RelyingParty, browser: Browser, clock: Any
) -> None:
    tokens = client.exchange(client.login(browser, scope=ALL)["code"])
    narrow(client, scope="openid profile")
    clock.advance(3601)
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"scope": "address"}, "invalid_grant"),
        ({"grant_types": ["authorization_code"]}, "unauthorized_client"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client"),
    ],
)
def test_a_refresh_token_is_of_no_use_to_a_client_that_may_not_use_it_any_more(
    client: RelyingParty, browser: Browser, members: dict[str, Any], error: str
) -> None:
    tokens = client.exchange(client.login(browser, scope="openid email")["code"])
    narrow(client, **members)
    assert client.refresh(tokens["refresh_token"], status="*")["error"] == error


def test_introspection_tells_no_user_name_to_a_client_that_lost_the_profile(
    client: RelyingParty, browser: Browser
) -> None:
    tokens = client.exchange(client.login(browser, scope=ALL)["code"])
    narrow(client, scope="openid email offline_access")
    assert "username" not in client.introspect(tokens["refresh_token"])


@pytest.mark.parametrize("members", [{"scope": "address"}, {"grant_types": ["authorization_code"]}])
def test_introspection_knows_it(
    client: RelyingParty, browser: Browser, members: dict[str, Any]
) -> None:
    tokens = client.exchange(client.login(browser, scope="openid email")["code"])
    narrow(client, **members)
    assert client.introspect(tokens["refresh_token"]) == {"active": False}


def test_a_code_gives_no_scope_that_was_taken_away(client: RelyingParty, browser: Browser) -> None:
    code = client.login(browser, scope=ALL)["code"]
    narrow(client, scope="profile")
    tokens = client.exchange(code)
    assert tokens["scope"] == "profile"
    assert "id_token" not in tokens
    assert client.introspect(tokens["refresh_token"])["scope"] == "profile"


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"scope": "address"}, "invalid_grant"),
        ({"redirect_uris": ["https://client.example/other"]}, "invalid_grant"),
        ({"grant_types": ["refresh_token"]}, "unauthorized_client"),
    ],
)
def test_a_code_is_of_no_use_to_a_client_that_may_not_redeem_it_any_more(
    client: RelyingParty, browser: Browser, members: dict[str, Any], error: str
) -> None:
    code = client.login(browser)["code"]
    redirect_uri = client.client.redirect_uris[0]
    narrow(client, **members)
    refused = client.exchange(code, redirect_uri=redirect_uri, status=400)
    assert refused["error"] == error


def test_a_remembered_consent_gives_no_scope_that_was_taken_away(
    client: RelyingParty, browser: Browser
) -> None:
    page = client.authorize(browser, scope="openid email")
    form = page.forms["login"]
    form["username"], form["password"] = "alice", "valid"
    consent = form.submit().follow().follow().forms["consent"]
    consent["remember"] = True
    consent.submit("decision", value="allow").follow()
    narrow(client, scope="openid")
    answer = client.answer(client.authorize(browser, scope="openid email", prompt="none"))
    assert client.exchange(answer["code"])["scope"] == "openid"


def test_a_scope_that_the_provider_gave_up_is_gone(make_provider: Any) -> None:
    provider = make_provider()
    client = provider.register(scope=ALL)
    tokens = client.exchange(client.login(provider.browser(), scope=ALL)["code"])
    later = make_provider(oauth__scopes="openid profile offline_access")
    again = RelyingParty(later, client.client, client.secret)
    fresh = again.refresh(tokens["refresh_token"])
    assert fresh["scope"] == "openid profile offline_access"
