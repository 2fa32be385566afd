"""PostgreSQL aborts what conflicts: it is repeated, and nothing is lost and nothing doubled."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import create_engine, func, make_url, select, text
from support.aborts import Aborts
from support.app import Provider, RelyingParty, follow_to_answer
from support.postgresql import Cluster

from oidcserver.http.throttling import take
from oidcserver.models import (
    AuthorizationCode,
    Consent,
    RefreshToken,
    RevokedAccessToken,
    UsedIdentifier,
    User,
)
from oidcserver.models.consent import grant_consent
from oidcserver.models.replay import use_identifier

AT_ONCE, TIMES = 6, 10
#: A write that PostgreSQL aborts, and when.
KINDS = pytest.mark.parametrize(
    ("when", "state"), [("write", "40001"), ("write", "40P01"), ("commit", "40001")]
)


@pytest.fixture
def provider(make_provider: Any, postgresql: Cluster) -> Provider:
    """A provider whose transactions run as if one after the other."""
    url = postgresql.new_database()
    name = make_url(url).database
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(
            text(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
        )
    engine.dispose()
    made: Provider = make_provider(
        oidcserver__database_url=url, oauth__grants="authorization_code refresh_token password"
    )
    return made


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(grant_types=["authorization_code", "refresh_token", "password"])


@pytest.fixture
def abort(provider: Provider) -> Callable[..., Aborts]:
    """Return a function: what aborts the writes to a table."""
    return lambda *arguments: Aborts(provider.registry.oidc.database.engine, *arguments)


def count(provider: Provider, model: Any) -> int:
    with provider.database() as dbsession:
        return dbsession.scalar(select(func.count()).select_from(model)) or 0


def at_once(attempt: Callable[[int], Any]) -> list[Any]:
    """Let threads do something at one moment; return what each got."""
    barrier = Barrier(AT_ONCE, timeout=60)

    def begin(number: int) -> Any:
        barrier.wait()
        return attempt(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(begin, range(AT_ONCE)))


@KINDS
def test_a_code_is_redeemed(
    provider: Provider, client: RelyingParty, abort: Any, when: str, state: str
) -> None:
    code = client.login(provider.browser())["code"]
    aborts = abort("authorization_code", when, state)
    aborts.begin()
    tokens = client.exchange(code)
    assert aborts.happened()
    assert count(provider, RefreshToken) == 1
    assert client.refresh(tokens["refresh_token"])
    assert client.exchange(code, status=400)["error"] == "invalid_grant"


@KINDS
def test_a_refresh_token_rotates(
    provider: Provider, client: RelyingParty, abort: Any, when: str, state: str
) -> None:
    first = client.exchange(client.login(provider.browser())["code"])["refresh_token"]
    aborts = abort("refresh_token", when, state)
    aborts.begin()
    successor = client.refresh(first)["refresh_token"]
    assert aborts.happened()
    assert count(provider, RefreshToken) == 2
    assert client.refresh(first)["refresh_token"] == successor
    assert client.refresh(successor)


@KINDS
def test_a_token_is_revoked(
    provider: Provider, client: RelyingParty, abort: Any, when: str, state: str
) -> None:
    tokens = client.exchange(client.login(provider.browser())["code"])
    aborts = abort("revoked_access_token", when, state)
    aborts.begin()
    client.post("/oauth/revoke", status=200, token=tokens["access_token"])
    assert aborts.happened()
    assert count(provider, RevokedAccessToken) == 1
    assert client.introspect(tokens["access_token"]) == {"active": False}


@KINDS
def test_attempts_are_counted_once(provider: Provider, abort: Any, when: str, state: str) -> None:
    engine = provider.registry.oidc.database.engine
    aborts = abort("throttle", when, state)
    for expected in (True, True, False):
        aborts.begin()
        assert (take(engine, "login:alice", 2, 60) == 0) is expected
        assert aborts.happened()


@KINDS
def test_an_identifier_is_used_once(provider: Provider, abort: Any, when: str, state: str) -> None:
    database = provider.registry.oidc.database
    aborts = abort("used_identifier", when, state)
    aborts.begin()
    assert use_identifier(database, "assertion", "client", "jti", 2**40)
    assert aborts.happened()
    assert not use_identifier(database, "assertion", "client", "jti", 2**40)
    assert count(provider, UsedIdentifier) == 1


def test_a_consent_that_conflicts_can_be_given_again(
    provider: Provider, client: RelyingParty, abort: Any
) -> None:
    browser = provider.browser()
    browser.sign_in()
    form = client.authorize(browser).forms["consent"]
    aborts = abort("consent", "write", "40001")
    aborts.begin()
    for _ in range(3):
        refused = form.submit("decision", value="allow", status=503)
        assert refused.headers["Retry-After"] == "5"
        assert count(provider, Consent) == count(provider, AuthorizationCode) == 0
    answer = follow_to_answer(form.submit("decision", value="allow"))
    assert aborts.happened()
    assert client.exchange(client.answer(answer)["code"])
    assert count(provider, Consent) == count(provider, AuthorizationCode) == 1


def test_of_many_at_once_one_redeems_a_code(provider: Provider, client: RelyingParty) -> None:
    browser = provider.browser()
    for _ in range(TIMES):
        code = client.login(browser)["code"]
        answers = at_once(lambda _, code=code: client.exchange(code, status="*"))
        errors = sorted(answer.get("error", "") for answer in answers)
        assert errors == ["", *["invalid_grant"] * (AT_ONCE - 1)]
    assert count(provider, RefreshToken) == TIMES


def test_many_at_once_get_one_successor(provider: Provider, client: RelyingParty) -> None:
    token = client.exchange(client.login(provider.browser())["code"])["refresh_token"]
    for _ in range(TIMES):
        successors = at_once(lambda _, token=token: client.refresh(token)["refresh_token"])
        [token] = set(successors)
    assert count(provider, RefreshToken) == 1 + TIMES


def test_many_at_once_get_no_more_than_the_limit(provider: Provider) -> None:
    engine = provider.registry.oidc.database.engine

    def guess(number: int) -> int:
        return [take(engine, "login:alice", 7, 3600) for _ in range(TIMES)].count(0)

    assert sum(at_once(guess)) == 7


def test_of_many_at_once_one_uses_an_identifier(provider: Provider) -> None:
    database = provider.registry.oidc.database
    for number in range(TIMES):
        used = at_once(
            lambda _, jti=str(number): use_identifier(database, "proof", "client", jti, 2**40)
        )
        assert used.count(True) == 1


def test_consents_at_once_are_all_kept(provider: Provider, client: RelyingParty) -> None:
    with provider.database() as dbsession:
        dbsession.add(User("alice", id="alice"))

    def allow(number: int) -> None:
        provider.registry.oidc.database.run(
            lambda dbsession: grant_consent(
                dbsession, "alice", client.client_id, f"scope{number}", remember=True
            )
        )

    at_once(allow)
    with provider.database() as dbsession:
        [consent] = dbsession.scalars(select(Consent))
        assert len(consent.scope.split()) == AT_ONCE


def test_many_users_sign_in_at_once_from_one_address(
    provider: Provider, client: RelyingParty
) -> None:
    def sign_in(number: int) -> int:
        return client.token(
            grant_type="password", username=f"user{number}", password="valid", status="*"
        ).status_int

    assert set(at_once(sign_in)) == {200}
