"""PostgreSQL falls silent, or takes no writes: every request ends, and the process recovers."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import webtest
from click.testing import CliRunner
from sqlalchemy import create_engine, text
from support.app import Provider, RelyingParty
from support.postgresql import Cluster
from support.processes import write_ini
from support.silent_relay import SilentRelay

from oidcserver.cli import main

#: So long a test waits for what has to end much sooner.
PATIENCE = 60
LIMITS = {
    "oidcserver__database_connect_timeout": "2",
    "oidcserver__database_statement_timeout": "1",
    "oidcserver__database_lock_timeout": "1",
    "oidcserver__database_answer_timeout": "2",
}
WITH_HEALTH = "authorization token userinfo introspection jwks openid_configuration health"


@pytest.fixture
def relay(postgresql: Cluster) -> Iterator[SilentRelay]:
    with SilentRelay(postgresql.directory / ".s.PGSQL.5432") as relay:
        yield relay
        relay.resume()


@pytest.fixture
def provider(make_provider: Any, relay: SilentRelay, postgresql: Cluster) -> Provider:
    url = relay.url(postgresql.new_database())
    made: Provider = make_provider(
        oidcserver__database_url=url, oauth__endpoints=WITH_HEALTH, **LIMITS
    )
    return made


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(
        grant_types=["authorization_code", "refresh_token", "client_credentials"]
    )


def all_at_once(*requests: Callable[[], webtest.TestResponse]) -> list[webtest.TestResponse]:
    """Send requests at once, each in a thread of its own; return their answers."""
    with ThreadPoolExecutor(len(requests)) as pool:
        sent = [pool.submit(request) for request in requests]
        return [each.result(timeout=PATIENCE) for each in sent]


def test_every_request_ends_and_the_process_recovers(
    provider: Provider, client: RelyingParty, relay: SilentRelay
) -> None:
    browser = provider.browser()
    tokens = client.exchange(client.login(browser)["code"])

    def refresh() -> webtest.TestResponse:
        return client.post(
            "/oauth/token", grant_type="refresh_token", refresh_token=tokens["refresh_token"]
        )

    requests: list[Callable[[], webtest.TestResponse]] = [
        lambda: client.post("/oauth/token", grant_type="client_credentials"),
        lambda: client.post("/oauth/introspect", token=tokens["access_token"]),
        lambda: client.userinfo(tokens["access_token"], status="*"),
        refresh,
        lambda: browser.get("/account", status="*"),
        lambda: browser.get("/health", status="*"),
    ]
    relay.fall_silent()
    for answer in all_at_once(*requests, *requests):
        assert answer.status_int == 503, answer
        assert answer.headers["Retry-After"] == "5"
    relay.resume()
    for request in requests:
        assert request().status_int == 200


def test_a_command_ends_and_works_again(
    provider: Provider, relay: SilentRelay, tmp_path: Path, keys_directory: Path
) -> None:
    settings = {
        **LIMITS,
        "oidcserver__database_url": str(provider.registry.oidc.provider.settings[
            "oidcserver.database_url"
        ]),
        "oidcserver__keys_directory": str(keys_directory),
    }  # fmt: skip
    ini = write_ini(tmp_path / "test.ini", 6543, **settings)

    def run() -> Any:
        return CliRunner().invoke(main, ["users", "list", str(ini)])

    relay.fall_silent()
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(run).result(timeout=PATIENCE)
    assert ended.exit_code != 0
    assert "does not answer" in ended.output
    relay.resume()
    assert run().exit_code == 0


def test_a_database_without_writes_is_an_outage_and_health_says_so(
    make_provider: Any, postgresql: Cluster
) -> None:
    url = postgresql.new_database()
    provider: Provider = make_provider(oidcserver__database_url=url, oauth__endpoints=WITH_HEALTH)
    client = provider.register(
        grant_types=["authorization_code", "refresh_token", "client_credentials"]
    )
    browser = provider.browser()
    refresh_token = client.exchange(client.login(browser)["code"])["refresh_token"]
    name = provider.registry.oidc.database.engine.url.database
    primary = create_engine(url, isolation_level="AUTOCOMMIT")

    def set_read_only(word: str) -> None:
        with primary.connect() as connection:
            connection.execute(
                text(f"ALTER DATABASE {name} SET default_transaction_read_only = {word}")
            )
        provider.close()  # the connections that come have it

    set_read_only("on")
    refused = client.post("/oauth/token", grant_type="refresh_token", refresh_token=refresh_token)
    assert (refused.status_int, refused.headers["Retry-After"]) == (503, "5")
    assert refused.json["error"] == "temporarily_unavailable"
    form = provider.browser().get("/login").forms["login"]
    form["username"], form["password"] = "bob", "valid"
    assert form.submit(status="*").status_int == 503
    health = browser.get("/health", status=503)
    assert health.json == {"status": "the database is read-only"}
    assert client.token(grant_type="client_credentials").json["access_token"]
    primary.dispose()

    with create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("SET default_transaction_read_only = off"))
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = off"))
        connection.invalidate()
    provider.close()
    assert client.refresh(refresh_token)["access_token"]
    assert browser.get("/health").json == {"status": "ok"}
