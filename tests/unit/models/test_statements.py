"""The statements that decide, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from oidcserver import clock as provider_clock
from oidcserver.credentials import digest
from oidcserver.database import AtomicWrite, Database, Joined, NewRow, Statements
from oidcserver.database.engine import make_engine
from oidcserver.database.writes import insert_deciding, inserting
from oidcserver.models import (
    Authorization,
    AuthorizationCode,
    Base,
    Client,
    LoginSession,
    RefreshToken,
    User,
)
from oidcserver.models.access_token import REVOKE, find_bearer, revoked
from oidcserver.models.authorization import (
    extending,
    revoke_authorization,
    revoke_authorizations_of_user,
)
from oidcserver.models.authorization_code import (
    REDEEM,
    find_authorization_code,
)
from oidcserver.models.consent import find_consent, grant_consent, withdraw_consent
from oidcserver.models.login_session import end_login_sessions, find_login_session
from oidcserver.models.refresh_token import (
    ROTATE,
    find_refresh_token,
    new_refresh_token,
)
from oidcserver.models.replay import use_identifier
from oidcserver.models.suspended_request import (
    USE,
    SuspendedRequestRecord,
    find_suspended_request,
    suspend_request,
)
from oidcserver.models.user import begin_generation, lock_generation

CODE, TOKEN, COOKIE = "ac_code", "rt_token", "ls_cookie"

STORE_CODE = AtomicWrite(insert_deciding(Authorization), inserting(AuthorizationCode))
STORE_TOKEN = AtomicWrite(insert_deciding(RefreshToken), extending)


def use(database: Statements, suspended: SuspendedRequestRecord) -> bool:
    """Answer a suspended request."""
    return database.write(
        USE,
        answered_reference=suspended.reference_digest,
        answered_now=provider_clock.now(),
        answer="sealed",
        live_session="session",
        live_client=None,
    )


def redeem(
    database: Statements, code: str, client_id: str, refresh_token: dict[str, Any] | None = None
) -> bool:
    """Redeem a code, and write the refresh token that it gives, if any."""
    write = REDEEM.also(inserting(RefreshToken), extending) if refresh_token else REDEEM
    values = {"digest": digest(code), "client": client_id, "now": provider_clock.now()}
    return database.write(write, **values, **(refresh_token or {}))


def rotate(
    database: Statements, token: str, client_id: str, sealed: str, successor: dict[str, Any]
) -> bool:
    """Use a refresh token up and write its successor."""
    values = {"digest": digest(token), "client": client_id, "now": provider_clock.now()}
    return database.write(ROTATE, sealed=sealed, **values, **successor)


@pytest.fixture
def alone(database_url: str) -> Iterator[Database]:
    """The database, where each statement is a transaction of its own."""
    engine = make_engine(database_url)
    Base.metadata.create_all(engine)
    yield Database(engine)
    engine.dispose()


@pytest.fixture
def factory(alone: Database) -> sessionmaker[Session]:
    return alone.session


@pytest.fixture
def database(alone: Database, dbsession: Session) -> Joined:
    """The database in the transaction of ``dbsession``."""
    return alone.within(dbsession)


@pytest.fixture
def dbsession(factory: sessionmaker[Session]) -> Iterator[Session]:
    """A session over one client, one user, and one family with a code and a refresh token."""
    now = provider_clock.now()
    with factory() as dbsession, dbsession.begin():
        dbsession.add_all([Client(client_id="client"), User("alice", id="alice")])
        dbsession.flush()
        dbsession.add(
            Authorization(
                id="family",
                client_id="client",
                user_id="alice",
                subject="alice",
                expires_at=now + 9999,
            )
        )
        dbsession.flush()
        dbsession.add_all(
            [
                AuthorizationCode(
                    code_digest=digest(CODE), authorization_id="family", client_id="client",
                    expires_at=now + 60,
                ),
                RefreshToken(
                    token_digest=digest(TOKEN), authorization_id="family", client_id="client",
                    expires_at=now + 900, family_expires_at=now + 9999,
                ),
                LoginSession(
                    id="session", token_digest=digest(COOKIE), user_id="alice", amr=["pwd"],
                    expires_at=now + 900,
                ),
            ]
        )  # fmt: skip
    with factory() as dbsession, dbsession.begin():
        yield dbsession


def test_a_code_is_redeemed_once_by_its_client(database: Joined) -> None:
    assert not redeem(database, CODE, "another")
    assert not redeem(database, "ac_unknown", "client")
    assert redeem(database, CODE, "client")
    assert not redeem(database, CODE, "client")
    found = find_authorization_code(database, CODE)
    assert found is not None
    row, authorization, user = found
    assert (authorization.id, user.id) == ("family", "alice")
    assert row.used_at is not None


def test_a_code_gives_its_refresh_token_with_the_redemption(
    database: Joined, dbsession: Session
) -> None:
    prepared = successor_of(dbsession, "rt_first")
    assert not redeem(database, CODE, "another", prepared)
    assert find_refresh_token(database, "rt_first") is None
    assert redeem(database, CODE, "client", prepared)
    assert find_refresh_token(database, "rt_first") is not None


def test_a_family_lives_as_long_as_what_it_gave_and_is_written_once_a_day(
    database: Joined,
    dbsession: Session,
) -> None:
    family = dbsession.get_one(Authorization, "family")
    before = family.expires_at
    later = {"scope": "", "expires_at": 1, "family_expires_at": 1}
    first = new_refresh_token("rt_1", family, lives_until=before, **later)
    database.write(STORE_TOKEN, **first)
    dbsession.refresh(family)
    assert family.expires_at == before
    second = new_refresh_token("rt_2", family, lives_until=before + 1, **later)
    database.write(STORE_TOKEN, **second)
    dbsession.refresh(family)
    assert family.expires_at == before + 1 + 86400


def test_a_missing_value_of_a_json_column_is_null(alone: Database, dbsession: Session) -> None:
    """JSON's own null, which earlier releases wrote, is read as None too."""
    dbsession.commit()
    row = NewRow(Authorization, client_id="client", user_id="alice", subject="a", expires_at=1)
    of_code = NewRow(
        AuthorizationCode, code_digest=digest("ac_new"), client_id="client", expires_at=1,
        authorization_id=row.values["authorization_id"],
    )  # fmt: skip
    assert alone.write(STORE_CODE, **row.values, **of_code.values)
    with alone.session.begin() as earlier:
        missing = text('select count(*) from "authorization" where resources is null')
        assert earlier.scalar(missing) == 2
        earlier.execute(text("update \"authorization\" set resources = 'null'"))
    found = find_authorization_code(alone, "ac_new")
    assert found is not None
    assert found[1].resources is None


ODD = "100% %s %(x)s $1 :x 'quoted' \"twice\" \\n E'\\' ?; -- \u00d6\u4f60\U0001f512"
GIVEN: dict[str, Any] = {
    "session_id": "session", "scope": "openid", "nonce": ODD, "auth_time": 2**40, "acr": ODD,
    "amr": ["pwd", ODD], "claims_request": {"userinfo": {ODD: None, "a": {"values": [1, True]}}},
    "resources": [ODD],
}  # fmt: skip


@pytest.mark.parametrize("in_transaction", [False, True])
@pytest.mark.parametrize("given", [GIVEN, {}, dict.fromkeys(GIVEN) | {"scope": ""}])
def test_an_atomic_write_writes_any_value_as_it_is(
    alone: Database, dbsession: Session, in_transaction: bool, given: dict[str, Any]
) -> None:
    dbsession.commit()
    for code in ("ac_first", "ac_second"):  # prepared by the first
        row = NewRow(
            Authorization, client_id="client", user_id="alice", subject=ODD, expires_at=1, **given
        )
        with alone.session() as writing, writing.begin():
            of_code = NewRow(
                AuthorizationCode, code_digest=digest(code), authorization_id=row.record().id,
                client_id="client", redirect_uri=given.get("nonce"), expires_at=2**40,
            )  # fmt: skip
            database = alone.within(writing) if in_transaction else alone
            database.write(STORE_CODE, **row.values, **of_code.values)
        found = find_authorization_code(alone, code)
        assert found is not None
        stored, authorization, _ = found
        assert stored.redirect_uri == given.get("nonce")
        assert authorization.subject == ODD
        for name in GIVEN:
            default = "" if name == "scope" else None
            assert getattr(authorization, name) == given.get(name, default), name


def test_an_expired_code_is_not_redeemed(database: Joined, clock: Any) -> None:
    clock.advance(60)
    assert not redeem(database, CODE, "client")


def successor_of(dbsession: Session, refresh_token: str) -> dict[str, Any]:
    now = provider_clock.now()
    family = dbsession.get_one(Authorization, "family")
    return new_refresh_token(
        refresh_token, family, scope="openid", expires_at=now + 900, family_expires_at=now + 99999,
        lives_until=now + 99999,
    )  # fmt: skip


def test_a_refresh_token_rotates_once(database: Joined, dbsession: Session) -> None:
    first, second = (successor_of(dbsession, name) for name in ("rt_first", "rt_second"))
    assert not rotate(database, TOKEN, "another", "sealed", second)
    assert rotate(database, TOKEN, "client", "sealed", first)
    assert not rotate(database, TOKEN, "client", "other", second)
    assert find_refresh_token(database, "rt_second") is None
    successor = find_refresh_token(database, "rt_first")
    assert successor is not None
    assert successor.token.scope == "openid"
    found = find_refresh_token(database, TOKEN)
    assert found is not None
    assert (found.authorization.id, found.user.id) == ("family", "alice")
    assert found.token.successor_sealed == "sealed"


def test_an_expired_refresh_token_does_not_rotate(
    database: Joined, dbsession: Session, clock: Any
) -> None:
    clock.advance(900)
    successor = successor_of(dbsession, "rt_first")
    assert not rotate(database, TOKEN, "client", "sealed", successor)


def is_live(database: Joined, token_id: str, client_id: str, authorization_id: str | None) -> bool:
    return find_bearer(database, token_id, client_id, authorization_id) is not None


def test_an_access_token_lives_as_long_as_all_it_rests_on(database: Joined) -> None:
    def live(token_id: str = "one", client_id: str = "client") -> bool:
        return is_live(database, token_id, client_id, "family")

    assert live()
    assert not live(client_id="another")
    assert not is_live(database, "one", "client", "no-family")
    assert database.write(REVOKE, **revoked("one", 99))
    assert not database.write(REVOKE, **revoked("one", 99))
    assert not live()
    assert live("two")
    assert revoke_authorization(database, "family")
    assert not revoke_authorization(database, "family")
    assert not live("two")


def test_an_access_token_of_a_disabled_person_is_dead(database: Joined, dbsession: Session) -> None:
    dbsession.get_one(User, "alice").disabled_at = 1
    dbsession.flush()
    assert not is_live(database, "one", "client", "family")


def test_an_access_token_of_a_client_itself_lives_as_long_as_the_client(
    database: Joined, dbsession: Session
) -> None:
    assert is_live(database, "one", "client", None)
    dbsession.delete(dbsession.get_one(Client, "client"))
    dbsession.flush()
    assert not is_live(database, "one", "client", None)


def test_a_deleted_client_takes_its_families_along(database: Joined, dbsession: Session) -> None:
    dbsession.delete(dbsession.get_one(Client, "client"))
    dbsession.flush()
    dbsession.expire_all()
    assert find_refresh_token(database, TOKEN) is None
    assert find_authorization_code(database, CODE) is None


def test_withdrawing_a_consent_ends_what_was_allowed_under_it(
    database: Joined, dbsession: Session
) -> None:
    grant_consent(dbsession, "alice", "client", "openid profile", remember=True)
    consent = grant_consent(dbsession, "alice", "client", "email", remember=True)
    assert consent.scope == "openid profile email"
    assert withdraw_consent(dbsession, "alice", "client")
    assert not withdraw_consent(dbsession, "alice", "client")
    assert find_consent(database, "alice", "client") is None
    assert not is_live(database, "one", "client", "family")


def test_disabling_a_person_ends_every_family(dbsession: Session) -> None:
    assert revoke_authorizations_of_user(dbsession, "alice") == 1
    assert revoke_authorizations_of_user(dbsession, "alice") == 0


def test_a_login_session_ends_by_idleness_by_age_and_by_logout(
    database: Joined, dbsession: Session, clock: Any
) -> None:
    assert find_login_session(database, COOKIE, 600) is not None
    assert find_login_session(database, "ls_other", 600) is None
    clock.advance(600)
    assert find_login_session(database, COOKIE, 600) is None
    assert find_login_session(database, COOKIE, 6000) is not None
    clock.advance(300)
    assert find_login_session(database, COOKIE, 6000) is None
    assert end_login_sessions(dbsession, LoginSession.id == "session") == ["session"]
    assert end_login_sessions(dbsession, LoginSession.id == "session") == []


def test_an_identifier_is_used_once_for_each_kind_and_issuer(database: Joined) -> None:
    assert use_identifier(database, "assertion", "client", "jti", 99)
    assert not use_identifier(database, "assertion", "client", "jti", 99)
    assert use_identifier(database, "assertion", "another", "jti", 99)
    assert use_identifier(database, "proof", "client", "jti", 99)


def test_a_suspended_request_is_found_by_its_uri_and_used_once(
    database: Joined, dbsession: Session, clock: Any
) -> None:
    now = provider_clock.now()
    columns: dict[str, Any] = {
        "client_id": "client", "parameters": {"scope": ["openid"]}, "browser_digest": "b",
        "expires_at": now + 60,
    }  # fmt: skip
    request_uri = suspend_request(dbsession, **columns)
    row = find_suspended_request(database, request_uri)
    assert row is not None
    assert row.parameters == {"scope": ["openid"]}
    assert find_suspended_request(database, request_uri + "x") is None
    assert find_suspended_request(database, "https://client.example/request") is None
    assert use(database, row)
    assert not use(database, row)
    late = find_suspended_request(database, suspend_request(dbsession, **columns))
    assert late is not None
    clock.advance(60)
    assert not use(database, late)


def test_a_suspended_request_is_not_used_once_the_session_has_ended(
    database: Joined, dbsession: Session
) -> None:
    row = find_suspended_request(
        database,
        suspend_request(
            dbsession,
            client_id="client",
            parameters={},
            browser_digest="b",
            expires_at=provider_clock.now() + 60,
        ),
    )
    assert row is not None
    end_login_sessions(dbsession, LoginSession.id == "session")
    assert not use(database, row)


def test_the_end_of_all_sessions_voids_a_sign_in_that_is_under_way(dbsession: Session) -> None:
    read = SimpleNamespace(id="alice", generation=0)
    assert lock_generation(dbsession, read)
    begin_generation(dbsession, "alice")
    assert not lock_generation(dbsession, read)
    assert lock_generation(dbsession, SimpleNamespace(id="alice", generation=1))
    dbsession.get_one(User, "alice").disabled_at = 1
    dbsession.flush()
    assert not lock_generation(dbsession, SimpleNamespace(id="alice", generation=1))


def test_a_user_name_has_one_owner_in_any_spelling(factory: sessionmaker[Session]) -> None:
    from oidcserver.models.user import find_user

    with factory() as dbsession, dbsession.begin():
        dbsession.add(User("Jos\u00e9 "))
    with factory() as dbsession:
        found = find_user(dbsession, " JOSE\u0301")
        assert found is not None
        assert found.username == "Jos\u00e9"
