"""A user directory that knows the interface alone: sign-in, claims, renaming, and when it is down.

The directories are those of ``support/people_plugin.py``.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from support.app import Provider, RelyingParty
from support.authenticator import Authenticator, passkey_form
from support.upstream import Upstream

from oidcserver import clock
from oidcserver.interfaces import DirectoryUnavailable
from oidcserver.models import UpstreamLink, User

People = Callable[..., None]
ALICE = {"name": "alice", "word": "blue", "claims": {"name": "Alice Liddell"}}
BOB = {"name": "bob", "word": "red", "claims": {}}


@pytest.fixture
def people(tmp_path: Path) -> People:
    """Return a function that writes the people of the directory by number; none: it is down."""
    file = tmp_path / "people.json"

    def write(**people: Any) -> None:
        if people:
            file.write_text(json.dumps({name[1:]: person for name, person in people.items()}))
        else:
            file.unlink()

    write(n1=ALICE, n2=BOB)
    return write


@pytest.fixture
def settings(people: People, tmp_path: Path) -> dict[str, str]:
    """Return the settings that select the directory."""
    return {
        "oidcserver__includes": "support.people_plugin",
        "oidc__user_directory": "people",
        "people__file": str(tmp_path / "people.json"),
    }


@pytest.fixture
def provider(make_provider: Any, settings: dict[str, str]) -> Provider:
    """A provider with the people of the directory, once on SQLite and once on PostgreSQL."""
    provider: Provider = make_provider(**settings)
    return provider


def sign_in(client: RelyingParty, name: str, word: str) -> dict[str, Any]:
    """Sign in and allow everything; return the tokens."""
    page = client.authorize(client.provider.browser()).forms["login"]
    page["username"], page["password"] = name, word
    response = page.submit().maybe_follow(expect_errors=True)
    if "consent" in response.forms:
        response = response.forms["consent"].submit("decision", value="allow").follow()
    return client.exchange(client.answer(response)["code"])


def by_password(client: RelyingParty, name: str, word: str, status: int = 200) -> Any:
    """Send the password grant; return the response."""
    form = {"grant_type": "password", "username": name, "password": word, "scope": "profile"}
    return client.token(status=status, **form)


def subject(client: RelyingParty, name: str, word: str) -> str:
    """Sign in; return the subject."""
    sub: str = client.userinfo(sign_in(client, name, word)["access_token"]).json["sub"]
    return sub


@pytest.mark.both_databases
def test_its_users_sign_in_and_its_claims_are_released(provider: Provider) -> None:
    client = provider.register()
    assert "the word that the office gave you" in client.authorize(provider.browser())
    claims = client.userinfo(sign_in(client, "Alice", "blue")["access_token"]).json
    assert claims["name"] == "Alice Liddell"
    assert claims["preferred_username"] == "alice"
    assert claims["sub"] not in {"1", "alice"}, "the subject is the provider's own"
    assert claims["sub"] == subject(client, "alice", "blue")
    assert claims["sub"] != subject(client, "bob", "red")
    provider.browser().sign_in("alice", "red", status=403)
    provider.browser().sign_in("carol", "blue", status=403)


@pytest.mark.both_databases
def test_the_password_grant_asks_it_too(provider: Provider) -> None:
    client = provider.register(grant_types=["password"], redirect_uris=[], response_types=[])
    tokens = by_password(client, "alice", "blue").json
    assert client.post("/oauth/introspect", token=tokens["access_token"], status=200)
    refused = by_password(client, "alice", "red", status=400).json
    assert refused["error"] == "invalid_grant"


@pytest.mark.both_databases
def test_claims_are_read_when_they_are_released(provider: Provider, people: People) -> None:
    client = provider.register()
    token = sign_in(client, "alice", "blue")["access_token"]
    people(n1={**ALICE, "claims": {"name": "Alice Hargreaves"}})
    assert client.userinfo(token).json["name"] == "Alice Hargreaves"


def test_the_claims_of_a_directory_that_cannot_be_asked_are_those_of_the_sign_in(
    make_provider: Any, settings: dict[str, str], people: People
) -> None:
    provider = make_provider(**{**settings, "oidc__user_directory": "morning"})
    client = provider.register()
    token = sign_in(client, "alice", "blue")["access_token"]
    people(n1={**ALICE, "claims": {"name": "Alice Hargreaves"}})
    assert client.userinfo(token).json["name"] == "Alice Liddell"
    sign_in(client, "alice", "blue")
    assert client.userinfo(token).json["name"] == "Alice Hargreaves"


@pytest.mark.both_databases
def test_a_user_who_is_renamed_keeps_the_account(provider: Provider, people: People) -> None:
    client = provider.register()
    before = sign_in(client, "alice", "blue")["access_token"]
    sub = client.userinfo(before).json["sub"]
    people(n1={**ALICE, "name": "alicia"}, n2={**BOB, "name": "alice"})
    assert subject(client, "alicia", "blue") == sub
    assert client.userinfo(before).json["preferred_username"] == "alicia"


@pytest.mark.both_databases
def test_a_name_that_went_to_another_user_brings_no_account_with_it(
    provider: Provider, people: People
) -> None:
    client = provider.register()
    subs = {subject(client, "alice", "blue"), subject(client, "bob", "red")}
    people(n1={**ALICE, "name": "bob"}, n2={**BOB, "name": "alice"}, n3={**BOB, "name": "carol"})
    swapped = [subject(client, "alice", "red"), subject(client, "bob", "blue")]
    assert set(swapped) == subs
    assert subject(client, "carol", "red") not in subs
    with provider.database() as dbsession:
        keys = dbsession.scalars(select(User.username_key)).all()
    assert sorted(keys) == ["alice", "bob", "carol"]


@pytest.mark.both_databases
def test_a_name_that_an_account_of_another_directory_has_cannot_sign_in(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    with provider.database() as dbsession:
        dbsession.add(User("alice"))
    page = provider.browser().sign_in("alice", "blue", status=403)
    assert "Another account here already has this user name" in page
    client = provider.register(grant_types=["password"], redirect_uris=[], response_types=[])
    refused = by_password(client, "alice", "blue", status=400).json
    assert refused["error"] == "invalid_grant"
    assert "Another account" in refused["error_description"]
    assert "of 'local' has the user name 'alice'" in caplog.text
    provider.browser().sign_in("bob", "red", status=303)


@pytest.mark.both_databases
def test_a_disabled_user_stays_locked_out(provider: Provider) -> None:
    client = provider.register()
    token = sign_in(client, "alice", "blue")["access_token"]
    with provider.database() as dbsession:
        dbsession.scalars(select(User).where(User.username == "alice")).one().disabled_at = 1
    client.userinfo(token, status=401)
    provider.browser().sign_in("alice", "blue", status=403)


@pytest.mark.both_databases
def test_while_it_is_down_nothing_is_lost(provider: Provider, people: People) -> None:
    client, browser = provider.register(), provider.browser()
    page = client.authorize(browser).forms["login"]
    page["username"], page["password"] = "alice", "blue"
    people()
    down = page.submit(status=503)
    assert down.headers["Retry-After"] == "7"
    assert "Signing in is not possible right now" in down
    assert down.forms["login"]["username"].value == "alice"
    people(n1=ALICE)
    again = down.forms["login"]
    again["password"] = "blue"
    page = again.submit().maybe_follow()
    code = client.answer(page.forms["consent"].submit("decision", value="allow").follow())["code"]
    token = client.exchange(code)["access_token"]
    people()
    response = client.userinfo(token, status=503)
    assert response.json["error"] == "temporarily_unavailable"
    assert response.headers["Retry-After"] == "7"
    assert "alice" in browser.get("/account"), "it needs no claims"
    people(n1=ALICE)
    assert client.userinfo(token).json["name"] == "Alice Liddell"


@pytest.mark.both_databases
def test_a_code_is_not_used_up_while_it_is_down(provider: Provider, people: People) -> None:
    client = provider.register()
    wanted = {"id_token": {"name": None}}
    page = client.authorize(provider.browser(), claims=json.dumps(wanted)).forms["login"]
    page["username"], page["password"] = "alice", "blue"
    consent = page.submit().maybe_follow().forms["consent"]
    code = client.answer(consent.submit("decision", value="allow").follow())["code"]
    people()
    assert client.exchange(code, status=503)["error"] == "temporarily_unavailable"
    people(n1=ALICE)
    assert "id_token" in client.exchange(code)


def test_attempts_while_it_is_down_do_not_count(
    make_provider: Any, settings: dict[str, str], people: People
) -> None:
    provider = make_provider(**settings, oidc__login_attempts="2")
    client = provider.register(grant_types=["password"], redirect_uris=[], response_types=[])
    people()
    for _ in range(3):
        provider.browser().sign_in("alice", "blue", status=503)
        answer = by_password(client, "alice", "blue", status=503)
        assert answer.json["error"] == "temporarily_unavailable"
    people(n1=ALICE)
    provider.browser().sign_in("alice", "blue", status=303)


def test_accounts_of_another_directory_keep_their_claims_and_sessions(
    make_provider: Any, settings: dict[str, str], people: People
) -> None:
    client = make_provider(**settings).register()
    token = sign_in(client, "alice", "blue")["access_token"]
    later = make_provider(**{**settings, "oidc__user_directory": "demo"})
    elsewhere = RelyingParty(later, client.client, client.secret)
    claims = elsewhere.userinfo(token).json
    assert claims["preferred_username"] == "alice"
    assert "email" not in claims, "the other directory is not asked about this user"


@pytest.mark.both_databases
def test_a_directory_is_asked_again_who_may_sign_in(
    make_provider: Any, settings: dict[str, str], people: People
) -> None:
    provider = make_provider(
        **{**settings, "oidc__user_directory": "asked_again"},
        oidc__directory_sync_interval="0",
    )
    check = provider.registry.oidc.directory_sync.check
    client = provider.register()
    alice, bob = sign_in(client, "alice", "blue"), sign_in(client, "bob", "red")
    sub = client.userinfo(alice["access_token"]).json["sub"]
    people(n1={**ALICE, "name": "alicia", "claims": {"name": "Alicia"}}, n2=BOB)
    now = clock.now()
    assert check(now + 1) == (2, 1, 0)
    claims = client.userinfo(alice["access_token"]).json
    assert (claims["sub"], claims["preferred_username"], claims["name"]) == (
        sub, "alicia", "Alicia",
    )  # fmt: skip
    assert check(now) == (0, 0, 0), "nobody is due yet"
    people()
    with pytest.raises(DirectoryUnavailable):
        check(now + 100)
    assert client.refresh(bob["refresh_token"])
    people(n1=ALICE)
    assert check(now) == (2, 1, 1), "both are due again"
    client.userinfo(bob["access_token"], status=401)
    assert client.refresh(alice["refresh_token"])


@pytest.mark.both_databases
def test_a_user_who_left_signs_in_by_no_other_way_and_may_come_back(
    make_provider: Any,
    settings: dict[str, str],
    people: People,
    upstream: Upstream,
) -> None:
    provider = make_provider(
        **{**settings, "oidc__user_directory": "asked_again"},
        **upstream.settings(),
        oidc__directory_sync_interval="0",
        oidc__second_factors="passkey",
    )
    check = provider.registry.oidc.directory_sync.check
    browser, key = provider.browser(), Authenticator()
    browser.sign_in("bob", "red")
    key.make(passkey_form(browser.get("/account/passkeys"))).submit()
    provider.browser().sign_in("alice", "blue")
    with provider.database() as dbsession:
        ids = {user.username: user.id for user in dbsession.scalars(select(User))}
        own = {"upstream": "other", "issuer": upstream.issuer, "subject": "u1"}
        dbsession.add(UpstreamLink(user_id=ids["alice"], **own))

    def ways() -> list[bool]:
        """Sign in by the passkey and at the upstream; return whether these led in."""
        by_passkey, by_upstream = provider.browser(), provider.browser()
        key.use(passkey_form(by_passkey.get("/login"))).submit()
        upstream.sign_in(by_upstream)
        return [it.get("/account").status_int == 200 for it in (by_passkey, by_upstream)]

    assert ways() == [True, True]
    people(n3={**BOB, "name": "carol"})
    assert check(clock.now() + 1) == (2, 0, 2)
    assert ways() == [False, False]
    assert "/login" in browser.get("/account").location
    assert check(clock.now() + 1) == (2, 0, 0), "asked about again, and nothing else to end"
    people(n1=ALICE, n2=BOB)
    assert check(clock.now() + 1) == (2, 2, 0)
    assert ways() == [True, True]
    people(n1=ALICE)
    assert check(clock.now() + 1) == (2, 0, 1)
    assert ways() == [False, True]
    people(n1=ALICE, n2=BOB)
    provider.browser().sign_in("bob", "red")
    with provider.database() as dbsession:
        bob = dbsession.get_one(User, ids["bob"])
        assert (bob.username, bob.left_at) == ("bob", None)


def test_a_name_of_another_directory_changes_nothing_at_a_sync(
    make_provider: Any, settings: dict[str, str], people: People, caplog: pytest.LogCaptureFixture
) -> None:
    provider = make_provider(
        **{**settings, "oidc__user_directory": "asked_again"}, oidc__directory_sync_interval="0"
    )
    sign_in(provider.register(), "alice", "blue")
    with provider.database() as dbsession:
        dbsession.add(User("admin"))
    people(n1={**ALICE, "name": "admin"})
    assert provider.registry.oidc.directory_sync.check(clock.now() + 1) == (1, 0, 0)
    assert "of 'local' has the user name 'admin'" in caplog.text


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("row", "returned an object of dict, not an oidcserver.interfaces.DirectoryUser"),
        ("number", "DirectoryUser.id is a str, not int"),
        ("nobody", "DirectoryUser.id has 1 to 255 characters"),
        ("endless", "DirectoryUser.id has 1 to 255 characters"),
    ],
)
def test_what_is_no_user_is_an_error_that_the_log_explains(
    make_provider: Any,
    settings: dict[str, str],
    name: str,
    sentence: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    provider = make_provider(**{**settings, "oidc__user_directory": name})
    page = provider.browser().sign_in("alice", "blue", status=500)
    assert "Unexpected error" in page
    assert sentence in caplog.text
