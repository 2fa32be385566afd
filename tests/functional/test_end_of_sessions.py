"""The tokens and requests that end with a login session or with a new password."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from support.app import Browser, Provider, RelyingParty
from support.processes import write_ini

from oidcserver.cli import main
from oidcserver.models import LoginSession, LogoutDelivery

pytestmark = pytest.mark.both_databases

HOUR = 3600
ONLINE = "openid profile"
OFFLINE = "openid profile offline_access"


@pytest.fixture
def settings(provider_url: str, keys_directory: Path) -> dict[str, Any]:
    return {
        "oidcserver__database_url": provider_url,
        "oidcserver__keys_directory": str(keys_directory),
        "oidc__user_directory": "database",
        "oidc__logout_channels": "backchannel",
        "oidc__backchannel_logout_interval": "0",
        "oidc__backchannel_logout_wait": "0",
        "oauth__grants": "authorization_code password refresh_token",
    }


@pytest.fixture
def ini(tmp_path: Path, settings: dict[str, Any]) -> Path:
    return write_ini(tmp_path / "test.ini", 6543, **settings)


@pytest.fixture
def provider(make_provider: Any, settings: dict[str, Any], ini: Path) -> Provider:
    run(ini, "users", "create", "alice", "--password-stdin", stdin="valid password\n")
    provider: Provider = make_provider(**settings)
    return provider


def run(ini: Path, *words: str, stdin: str | None = None) -> str:
    command = [word for word in (*words[:2], str(ini), *words[2:]) if word]
    result = CliRunner().invoke(main, command, input=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(
        grant_types=["authorization_code", "password", "refresh_token"],
        backchannel_logout_uri="https://client.example/logout",
    )


def tokens_of(client: RelyingParty, browser: Browser, scope: str = ONLINE) -> dict[str, Any]:
    """Sign in where that is needed, and allow."""
    page = client.authorize(browser, scope=scope)
    if page.status_int == 200 and "login" in page.forms:
        form = page.forms["login"]
        form["username"], form["password"] = "alice", "valid password"
        page = form.submit().follow().follow()
    return client.exchange(client.answer(client.complete(page))["code"])


def works(client: RelyingParty, tokens: dict[str, Any]) -> bool:
    """Whether a refresh token is alive; the endpoint and introspection agree on that."""
    active: bool = client.introspect(tokens["refresh_token"])["active"]
    answer = client.refresh(tokens["refresh_token"], status="*")
    assert active is ("access_token" in answer), answer
    return active


def test_a_refresh_token_ends_with_a_session_that_idles_out(
    provider: Provider, client: RelyingParty, clock: Any
) -> None:
    browser = provider.browser()
    online, offline = (tokens_of(client, browser, scope) for scope in (ONLINE, OFFLINE))
    granted = client.token(
        grant_type="password", username="alice", password="valid password", scope=ONLINE
    ).json
    clock.advance(HOUR + 1)
    assert not works(client, online)
    assert works(client, offline), "the user allowed it to last"
    assert works(client, granted), "it rests on no session"


def test_its_use_keeps_the_session_alive_and_not_for_longer_than_that_may_last(
    provider: Provider, client: RelyingParty, clock: Any
) -> None:
    browser = provider.browser()
    tokens = tokens_of(client, browser)
    for _ in range(13):
        clock.advance(HOUR - 300)
        tokens = client.refresh(tokens["refresh_token"])
    assert browser.get("/account").status_int == 200
    clock.advance(300)
    assert not works(client, tokens)
    assert browser.get("/account").status_int == 303


def test_offline_use_keeps_no_session_alive(
    provider: Provider, client: RelyingParty, clock: Any
) -> None:
    browser = provider.browser()
    tokens = tokens_of(client, browser, OFFLINE)
    clock.advance(HOUR - 300)
    client.refresh(tokens["refresh_token"])
    clock.advance(600)
    assert browser.get("/account").status_int == 303


def test_a_refresh_token_stays_dead_when_its_session_is_pruned(
    provider: Provider, client: RelyingParty, ini: Path, clock: Any
) -> None:
    tokens = tokens_of(client, provider.browser())
    clock.advance(14 * HOUR)
    run(ini, "prune", "")
    with provider.database() as dbsession:
        assert dbsession.scalars(select(LoginSession)).all() == []
    assert not works(client, tokens)


def test_prune_tells_the_applications_of_a_session_that_expired(
    provider: Provider, client: RelyingParty, ini: Path, clock: Any
) -> None:
    browsers = [provider.browser() for _ in range(3)]
    first = [tokens_of(client, browser) for browser in browsers]
    clock.advance(HOUR - 100)
    kept = client.refresh(first[0]["refresh_token"])
    clock.advance(200)
    run(ini, "prune", "", "--batch", "1")
    with provider.database() as dbsession:
        assert len(dbsession.scalars(select(LogoutDelivery)).all()) == 2
        alive = dbsession.scalars(select(LoginSession.ended_at)).all()
        assert sorted(ended is None for ended in alive) == [False, False, True]
    assert works(client, kept)
    for tokens in first[1:]:
        client.userinfo(tokens["access_token"], status=401)


def test_a_new_password_ends_every_session_and_token(
    provider: Provider, client: RelyingParty, ini: Path
) -> None:
    browser = provider.browser()
    given = [tokens_of(client, browser, scope) for scope in (ONLINE, OFFLINE)]
    given.append(
        client.token(
            grant_type="password", username="alice", password="valid password", scope=ONLINE
        ).json
    )
    said = run(ini, "users", "set-password", "alice", "--password-stdin", stdin="battery staple\n")
    assert "ended 3 authorizations" in said
    assert browser.get("/account").status_int == 303
    for tokens in given:
        client.userinfo(tokens["access_token"], status=401)
        assert not works(client, tokens)
    with provider.database() as dbsession:
        assert len(dbsession.scalars(select(LogoutDelivery)).all()) == 1
