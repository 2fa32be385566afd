"""A scope is a set, has a default, and what is ignored of it is logged (RFC 6749 section 3.3)."""

import logging
from typing import Any

import pytest
from sqlalchemy import select
from support.app import Provider, RelyingParty

from oidcserver.models import Authorization

LOGGER = "oidcserver.oauth.scopes"
ALL_GRANTS = ["authorization_code", "client_credentials", "implicit", "password", "refresh_token"]


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(
        grant_types=ALL_GRANTS,
        response_types=["code", "token", "id_token", "code token"],
        scope="openid profile email offline_access",
    )


def password(client: RelyingParty, **form: Any) -> dict[str, Any]:
    tokens: dict[str, Any] = client.token(
        grant_type="password", username="alice", password="valid", **form
    ).json
    return tokens


@pytest.mark.parametrize("form", [{}, {"scope": " "}])
def test_a_request_without_scope_gets_the_registered_one_whatever_the_grant(
    provider: Provider, client: RelyingParty, form: dict[str, str]
) -> None:
    by_password = password(client, **form)
    by_itself = client.token(grant_type="client_credentials", **form).json
    code = client.login(provider.browser(), scope=form.get("scope"))["code"]
    by_code = client.exchange(code)
    assert {tokens["scope"] for tokens in (by_password, by_itself, by_code)} == {"profile email"}
    refreshed = client.refresh(by_password["refresh_token"], **form)
    assert refreshed["scope"] == "profile email"
    assert client.introspect(refreshed["access_token"])["scope"] == "profile email"


@pytest.mark.parametrize("token_format", ["sealed", "jwt"])
def test_a_client_without_a_default_scope_gets_a_token_without_scope(
    make_provider: Any, token_format: str
) -> None:
    provider = make_provider(oauth__access_token_format=token_format)
    client = provider.register(
        grant_types=["password", "client_credentials"], response_types=[], scope="openid"
    )
    for tokens in (password(client), client.token(grant_type="client_credentials").json):
        assert "scope" not in tokens
        introspected = client.introspect(tokens["access_token"])
        assert introspected["active"]
        assert "scope" not in introspected


def test_a_scope_is_a_set_with_single_spaces_in_the_order_of_the_request(
    provider: Provider, client: RelyingParty
) -> None:
    by_password = password(client, scope=" email  profile email ")
    by_itself = client.token(grant_type="client_credentials", scope="email  profile email ").json
    code = client.login(provider.browser(), scope="  email profile  email")["code"]
    by_code = client.exchange(code)
    assert {tokens["scope"] for tokens in (by_password, by_itself, by_code)} == {"email profile"}
    refreshed = client.refresh(by_password["refresh_token"], scope="email  email")
    assert refreshed["scope"] == "email"
    assert client.introspect(refreshed["access_token"])["scope"] == "email"


def test_a_registered_scope_is_a_set_too(provider: Provider) -> None:
    client = provider.register(scope=" openid  email openid ")
    assert client.client.client_metadata["scope"] == "openid email"


def test_offline_access_is_ignored_for_a_client_that_cannot_refresh(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in()
    client = provider.register(grant_types=["authorization_code"])
    page = client.authorize(browser, scope="openid offline_access")
    assert "Keep this access while you are away" not in page
    assert "The access ends after 10 minutes." in page
    tokens = client.exchange(client.answer(client.complete(page))["code"])
    assert tokens["scope"] == "openid"
    assert "refresh_token" not in tokens


@pytest.mark.parametrize("response_type", ["token", "id_token", "code", "code token"])
def test_offline_access_is_ignored_where_the_response_has_no_code(
    provider: Provider, client: RelyingParty, response_type: str
) -> None:
    """OpenID Connect Core section 11."""
    browser = provider.browser()
    parameters = {"response_type": response_type, "scope": "openid offline_access"}
    answer = client.answer(client.complete(client.authorize(browser, **parameters)))
    assert "error" not in answer
    with provider.database() as dbsession:
        granted = dbsession.scalars(select(Authorization.scope)).one()
    expected = "openid offline_access" if "code" in response_type.split() else "openid"
    assert granted == expected


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == LOGGER]


def test_an_ignored_scope_is_logged_once_with_the_reason(
    provider: Provider, client: RelyingParty, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, LOGGER):
        for _ in range(2):
            client.authorize(provider.browser(), scope="openid phone groups\n")
        client.authorize(provider.browser(), response_type="token", scope="openid offline_access")
    name = client.client_id
    assert lines(caplog) == [
        f"The client {name} requested the scope 'phone', which was ignored: "
        "it is not registered for this client.",
        f"The client {name} requested the scope 'groups', which was ignored: "
        "it is not a scope of this server.",
        f"The client {name} requested the scope 'offline_access', which was ignored: "
        "it requires a response_type with code.",
    ]


def test_a_stranger_can_neither_fill_the_log_nor_forge_a_line_of_it(
    provider: Provider, client: RelyingParty, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, LOGGER):
        client.authorize(provider.browser(), scope="openid \x1b[31m\xa0" + "x" * 3000)
        for number in range(5):
            names = " ".join(f"s{number}-{each}" for each in range(20))
            client.authorize(provider.browser(), scope=f"openid {names}")
    logged = lines(caplog)
    assert len(logged) <= 20
    assert all(line.isprintable() and len(line) < 300 for line in logged)
