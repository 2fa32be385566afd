"""Pruning takes what has expired, oldest first, and never what is alive."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session, sessionmaker

from oidcserver import clock as oidcserver_clock
from oidcserver.database import Database
from oidcserver.database.engine import make_engine
from oidcserver.models import (
    Activity,
    Authorization,
    AuthorizationCode,
    BackchannelRequest,
    Base,
    Client,
    Consent,
    DeviceAuthorization,
    InitialAccessToken,
    LoginSession,
    LogoutDelivery,
    Mail,
    MailedLink,
    PendingSignIn,
    PingDelivery,
    RecordedRejection,
    RefreshToken,
    RememberedDevice,
    RevokedAccessToken,
    SuspendedRequest,
    Throttle,
    UpstreamEnd,
    UpstreamRequest,
    UpstreamSession,
    UsedIdentifier,
    User,
)
from oidcserver.operations.prune import MARGIN, expiries, prune

HOUR = 3600
DAY = 24 * HOUR
SETTINGS = {
    "oidc.login_window": 900,
    "oidc.interaction_retention": DAY,
    "oidcserver.rejection_retention": 30 * DAY,
    "oauth.registration_unused_lifetime": 90 * DAY,
    "oidc.activity_retention": 60 * DAY,
}
Factory = sessionmaker[Session]


@pytest.fixture
def engine(provider_url: str) -> Iterator[Engine]:
    engine = make_engine(provider_url)
    yield engine
    engine.dispose()


@pytest.fixture
def factory(engine: Engine) -> Factory:
    """Database sessions, with a client and a person in the database."""
    factory = Database(engine).session
    with factory.begin() as dbsession:
        dbsession.add(Client(client_id="client"))
        dbsession.add(User("alice", id="alice"))
    return factory


def rows_of(moment: int, name: str) -> list[Base]:
    """A row of every table that expires, its moment then, and what belongs to it."""
    authorization = f"authorization {name}"
    return [
        Authorization(
            id=authorization, client_id="client", user_id="alice", subject="alice",
            expires_at=moment,
        ),
        AuthorizationCode(
            code_digest=f"code {name}", authorization_id=authorization, client_id="client",
            expires_at=moment,
        ),
        RefreshToken(
            token_digest=f"token {name}", authorization_id=authorization, client_id="client",
            expires_at=moment, family_expires_at=moment,
        ),
        RevokedAccessToken(token_id=name, expires_at=moment),
        UsedIdentifier(identifier_digest=name, expires_at=moment),
        DeviceAuthorization(
            id=name, device_code_digest=name, user_code_digest=name, user_code_sealed="",
            client_id="client", parameters={}, expires_at=moment, poll_interval=5,
        ),
        InitialAccessToken(id=name, token_digest=name, expires_at=moment),
        LoginSession(id=name, token_digest=name, user_id="alice", expires_at=moment),
        LogoutDelivery(
            id=name, client_id="client", subject="alice", session_id=name, expires_at=moment,
            next_attempt_at=moment,
        ),
        BackchannelRequest(
            request_digest=name, client_id="client", user_id="alice", scope="openid",
            poll_interval=5, expires_at=moment,
        ),
        PingDelivery(
            id=name, client_id="client", content_sealed=name, expires_at=moment,
            next_attempt_at=moment,
        ),
        Mail(
            id=name, purpose="verify", content_sealed=name, expires_at=moment,
            next_attempt_at=moment,
        ),
        MailedLink(
            id=name, token_digest=name, code_digest=name, purpose="verify", browser_digest="",
            expires_at=moment,
        ),
        PendingSignIn(
            id=name, token_digest=name, user_id="alice", generation=0, expires_at=moment
        ),
        RememberedDevice(
            id=name, token_digest=name, user_id="alice", generation=0, expires_at=moment
        ),
        UpstreamRequest(
            state_digest=name, upstream="corporate", browser_digest="", secrets_sealed="",
            expires_at=moment,
        ),
        UpstreamEnd(key_digest=name, issued_at=0, expires_at=moment),
        UpstreamSession(
            id=name, upstream="corporate", issuer="", subject=name, created_at=moment
        ),
        SuspendedRequest(
            reference_digest=name, client_id="client", parameters={}, browser_digest="",
            expires_at=moment,
        ),
        Throttle(key=name, window_started_at=moment),
        Activity(id=name, user_id="alice", occurred_at=moment, event="signed_in"),
        RecordedRejection(reference=name, created_at=moment, error="invalid_request"),
        Client(client_id=name, last_used_at=moment),
    ]  # fmt: skip


def add(factory: Factory, moment: int, name: str) -> None:
    with factory.begin() as dbsession:
        rows = rows_of(moment, name)
        dbsession.add(rows[0])
        dbsession.flush()
        dbsession.add_all(rows[1:])


def names(factory: Factory, model: type[Base]) -> set[str]:
    """The last words of the primary keys that are there."""
    key = model.__mapper__.primary_key[0]
    with factory() as dbsession:
        return {value.split()[-1] for value in dbsession.scalars(select(key))}


def count(factory: Factory, model: type[Base]) -> int:
    with factory() as dbsession:
        return dbsession.scalar(select(func.count()).select_from(model)) or 0


RETENTION: dict[type[Base], int] = {
    Throttle: DAY,
    SuspendedRequest: DAY,
    UpstreamSession: DAY,
    RecordedRejection: 30 * DAY,
    Activity: 60 * DAY,
    Client: 90 * DAY,
}


@pytest.mark.both_databases
@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_what_has_expired_goes_and_what_lives_stays(factory: Factory, batch: int) -> None:
    now = oidcserver_clock.now()
    ends = [0, *sorted(set(RETENTION.values()))]
    for end in ends:
        for minutes in (-10, -5, 5, 60):
            add(factory, now - MARGIN - end + minutes * 60, f"{end}:{minutes}")
    given = {f"{end}:{m}" for end in ends for m in (-10, -5, 5, 60)}
    told: dict[str, int] = {}
    removed = prune(factory, SETTINGS, batch=batch, progress=told.__setitem__)
    for expiry in expiries(SETTINGS):
        kept = RETENTION.get(expiry.model, 0)
        live = {name for name in given if int(name.partition(":")[0]) < kept}
        live |= {f"{kept}:5", f"{kept}:60"}
        if expiry.model is Client:
            live |= {"client"}
        assert names(factory, expiry.model) == live, expiry.model
        # Expired refresh tokens went with their authorizations.
        gone = 0 if expiry.model is RefreshToken else len(given) - len(live - {"client"})
        assert removed[expiry.model.__tablename__] == gone, expiry.model
    assert names(factory, AuthorizationCode) == names(factory, Authorization)
    assert told == {table: rows for table, rows in removed.items() if rows}
    assert set(prune(factory, SETTINGS).values()) == {0}


@pytest.mark.both_databases
def test_where_the_setting_says_so_unused_clients_stay(factory: Factory) -> None:
    with factory.begin() as dbsession:
        dbsession.add(Client(client_id="unused", last_used_at=1))
    prune(factory, {**SETTINGS, "oauth.registration_unused_lifetime": 0})
    assert names(factory, Client) == {"client", "unused"}


@pytest.mark.both_databases
def test_clients_people_and_consents_are_nobodys_to_remove(factory: Factory) -> None:
    with factory.begin() as dbsession:
        dbsession.add(Consent(user_id="alice", client_id="client", created_at=1))
    prune(factory, SETTINGS)
    assert [count(factory, model) for model in (Client, User, Consent)] == [1, 1, 1]


@pytest.mark.both_databases
def test_a_used_refresh_token_of_a_living_family_stays_until_it_would_have_expired(
    factory: Factory,
) -> None:
    now = oidcserver_clock.now()
    add(factory, now + DAY, "family")
    with factory.begin() as dbsession:
        for name, end in (("used", now + 60), ("old", now - DAY)):
            dbsession.add(
                RefreshToken(
                    token_digest=f"token {name}", authorization_id="authorization family",
                    client_id="client", used_at=now - 2 * DAY, expires_at=end,
                    family_expires_at=now + DAY,
                )
            )  # fmt: skip
    assert prune(factory, SETTINGS)["refresh_token"] == 1
    assert names(factory, RefreshToken) == {"family", "used"}


@pytest.mark.both_databases
def test_one_that_is_stopped_has_removed_the_oldest(factory: Factory) -> None:
    with factory.begin() as dbsession:
        for number in (3, 1, 4, 2, 5):
            dbsession.add(UsedIdentifier(identifier_digest=str(number), expires_at=number))

    def stop(table: str, rows: int) -> None:
        if rows == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prune(factory, SETTINGS, batch=2, progress=stop)
    assert names(factory, UsedIdentifier) == {"5"}


@pytest.mark.both_databases
def test_many_of_one_moment_all_go(factory: Factory) -> None:
    with factory.begin() as dbsession:
        for number in range(25):
            dbsession.add(UsedIdentifier(identifier_digest=f"{number:02}", expires_at=1))
    assert prune(factory, SETTINGS, batch=10)["used_identifier"] == 25


@pytest.mark.postgresql
def test_a_row_that_somebody_works_on_is_left_for_the_next_time(
    postgresql: Any, postgresql_template: str
) -> None:
    engine = make_engine(postgresql.new_database(postgresql_template))
    factory = Database(engine).session
    with factory.begin() as dbsession:
        dbsession.add_all(UsedIdentifier(identifier_digest=name, expires_at=1) for name in "abc")
    with factory.begin() as dbsession:
        dbsession.execute(
            select(UsedIdentifier).where(UsedIdentifier.identifier_digest == "b").with_for_update()
        )
        assert prune(factory, SETTINGS, batch=1)["used_identifier"] == 2
    assert names(factory, UsedIdentifier) == {"b"}
    assert prune(factory, SETTINGS)["used_identifier"] == 1
    engine.dispose()


@pytest.mark.both_databases
def test_nothing_that_lives_is_lost_while_requests_go_on(factory: Factory) -> None:
    """Families begin, and expired ones are taken up again, while 2,000 others are removed."""
    now = oidcserver_clock.now()
    past = now - 2 * MARGIN
    with factory.begin() as dbsession:
        dbsession.add_all(
            Authorization(
                id=f"{n:04}",
                client_id="client",
                user_id="alice",
                subject="alice",
                expires_at=past + n,
            )
            for n in range(2000)
        )
    alive: set[str] = set()
    done = threading.Event()
    problems: list[Exception] = []

    def serve() -> None:
        number = 0
        try:
            while not done.is_set():
                number += 1
                add(factory, now + DAY, f"live{number}")
                alive.add(f"live{number}")
                renewed = f"{2000 - number:04}"
                with factory.begin() as dbsession:
                    statement = (
                        update(Authorization)
                        .where(Authorization.id == renewed)
                        .values(expires_at=now + DAY)
                        .returning(Authorization.id)
                    )
                    if dbsession.scalar(statement):
                        alive.add(renewed)
        except Exception as problem:
            problems.append(problem)

    server = threading.Thread(target=serve)
    server.start()
    try:
        removed = prune(factory, SETTINGS, batch=50)
    finally:
        done.set()
        server.join()
    assert problems == []
    assert names(factory, Authorization) == alive
    assert removed["authorization"] == 2000 - len([n for n in alive if not n.startswith("live")])
    assert len(alive) > 2


def test_what_decides_is_indexed() -> None:
    for expiry in expiries(SETTINGS):
        assert expiry.moment.property.columns[0].index, expiry.model
