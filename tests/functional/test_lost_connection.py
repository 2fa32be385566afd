"""The connection to PostgreSQL is cut after a decision was made and before that is known here."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, select
from support.app import Provider, RelyingParty
from support.postgresql import Cluster

from oidcserver.database.connections import KeptConnections
from oidcserver.models import Authorization, RefreshToken


@pytest.fixture
def provider(make_provider: Callable[..., Provider], postgresql: Cluster) -> Provider:
    return make_provider(oidcserver__database_url=postgresql.new_database())


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(grant_types=["authorization_code", "refresh_token"])


@pytest.fixture
def cut_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that lets the next decision be made without an answer."""
    run = KeptConnections._rows
    due: list[bool] = []

    def rows(self: KeptConnections, connection: Any, compiled: Any, parameters: Any) -> Any:
        found = run(self, connection, compiled, parameters)
        if due and "decided" in compiled.sql:
            due.clear()
            connection.driver.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return found

    monkeypatch.setattr(KeptConnections, "_rows", rows)
    return lambda: due.append(True)


def refresh_tokens(provider: Provider) -> int:
    with provider.database() as dbsession:
        return dbsession.scalar(select(func.count()).select_from(RefreshToken)) or 0


def test_a_refresh_token_is_rotated_once_and_its_family_lives_on(
    provider: Provider, client: RelyingParty, cut_once: Callable[[], None]
) -> None:
    first = client.exchange(client.login(provider.browser())["code"])["refresh_token"]
    cut_once()
    answer = client.token(grant_type="refresh_token", refresh_token=first, status=503)
    assert answer.headers["Retry-After"] == "5"
    assert answer.json["error"] == "temporarily_unavailable"
    assert refresh_tokens(provider) == 2
    successor = client.refresh(first)["refresh_token"]
    assert refresh_tokens(provider) == 2
    assert client.refresh(successor)["access_token"]


def test_a_code_is_redeemed_once_and_refused_as_used_afterwards(
    provider: Provider, client: RelyingParty, cut_once: Callable[[], None]
) -> None:
    code = client.login(provider.browser())["code"]
    cut_once()
    client.exchange(code, status=503)
    assert refresh_tokens(provider) == 1
    with provider.database() as dbsession:
        assert dbsession.scalars(select(Authorization.revoked_at)).all() == [None]
    assert client.exchange(code, status=400)["error"] == "invalid_grant"
    assert refresh_tokens(provider) == 1


def test_a_person_who_authorizes_again_gets_a_code(
    provider: Provider, client: RelyingParty, cut_once: Callable[[], None]
) -> None:
    browser = provider.browser()
    page = client.authorize(browser).forms["login"]
    page["username"], page["password"] = "alice", "valid"
    consent = page.submit().follow().follow().forms["consent"]
    consent["remember"] = "1"
    client.answer(client.complete(consent.submit("decision", value="allow").follow()))
    cut_once()
    assert client.authorize(browser).status_int == 503
    assert "code" in client.answer(client.authorize(browser))
