"""Decisions that one of many requests at once gets, on each database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select
from support.app import Provider, follow_to_answer
from support.ending import end_everything
from support.signing_out_plugin import signing_out, withdrawing

from oidcserver.accounts import account, authentication
from oidcserver.interfaces import DirectoryUser
from oidcserver.models import (
    Authorization,
    AuthorizationCode,
    Consent,
    LoginSession,
    SuspendedRequest,
    User,
)
from oidcserver.models.consent import grant_consent
from oidcserver.models.login_session import end_login_sessions, renew_login_session
from oidcserver.models.suspended_request import (
    REQUEST_URI_PREFIX,
    SuspendedRequestRecord,
    decide_suspended_request,
    find_suspended_request,
    suspend_request,
)

pytestmark = pytest.mark.both_databases

AT_ONCE = 4


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    """A provider on each kind of database."""
    made: Provider = make_provider()
    return made


def together(*tries: Callable[[], Any]) -> list[Any]:
    """Let threads begin at one moment; return what each got."""
    barrier = Barrier(len(tries))

    def begin(attempt: Callable[[], Any]) -> Any:
        barrier.wait(timeout=30)
        return attempt()

    with ThreadPoolExecutor(len(tries)) as pool:
        return list(pool.map(begin, tries))


def suspend(provider: Provider) -> str:
    """Keep a request of a new client; return its ``request_uri``."""
    client = provider.register()
    with provider.database() as dbsession:
        reference = suspend_request(
            dbsession,
            client_id=client.client_id,
            parameters={},
            browser_digest="",
            expires_at=4102444800,
        )
    assert reference.startswith(REQUEST_URI_PREFIX)
    return reference


def decide(provider: Provider, reference: str, user_id: str, scope: str | None) -> bool:
    """Decide in a transaction of its own; return whether this was the decision."""
    suspended = find(provider, reference)
    with provider.database() as dbsession:
        return decide_suspended_request(dbsession, suspended.reference_digest, user_id, scope)


def find(provider: Provider, reference: str) -> SuspendedRequestRecord:
    """Return the request as it is now."""
    suspended = find_suspended_request(provider.registry.oidc.database, reference)
    assert suspended is not None
    return suspended


def test_a_person_decides_once(provider: Provider) -> None:
    for _ in range(10):
        reference = suspend(provider)
        tries = [
            lambda scope=scope, reference=reference: decide(provider, reference, "alice", scope)
            for scope in ("openid", None, "openid", None)
        ]
        decided = together(*tries)
        assert decided.count(True) == 1
        assert find(provider, reference).denied is (decided.index(True) % 2 == 1)


def test_another_person_decides_anew_until_the_request_is_used(provider: Provider) -> None:
    reference = suspend(provider)
    assert decide(provider, reference, "alice", None)
    assert not decide(provider, reference, "alice", "openid")
    assert decide(provider, reference, "bob", "openid")
    suspended = find(provider, reference)
    assert (suspended.decided_by, suspended.allowed_scope) == ("bob", "openid")
    assert not suspended.denied
    with provider.database() as dbsession:
        dbsession.get_one(SuspendedRequest, suspended.reference_digest).used_at = 1
    assert not decide(provider, reference, "carol", "openid")


def test_two_consents_for_one_client_at_once_are_both_kept(provider: Provider) -> None:
    client = provider.register()
    for number in range(10):
        with provider.database() as dbsession:
            person = User(f"person {number}")
            dbsession.add(person)
            dbsession.flush()
            user_id = person.id

        def allow(scope: str, user_id: str = user_id) -> None:
            with provider.database() as dbsession:
                grant_consent(dbsession, user_id, client.client_id, scope, remember=True)

        together(*(lambda scope=scope: allow(scope) for scope in ("openid a", "openid b")))
        with provider.database() as dbsession:
            [consent] = dbsession.scalars(select(Consent).where(Consent.user_id == user_id))
            assert sorted(consent.scope.split()) == ["a", "b", "openid"]


def test_a_session_that_ends_while_its_person_signs_in_again_stays_ended(
    provider: Provider,
) -> None:
    browser = provider.browser()
    browser.sign_in()
    with provider.database() as dbsession:
        [session_id] = dbsession.scalars(select(LoginSession.id))
        assert end_login_sessions(dbsession, LoginSession.id == session_id)
        assert not end_login_sessions(dbsession, LoginSession.id == session_id)
        assert not renew_login_session(dbsession, session_id, auth_time=1)
    with provider.database() as dbsession:
        assert dbsession.scalars(select(LoginSession.auth_time)).one() != 1


def test_clicks_at_once_give_one_code_and_one_consent(provider: Provider) -> None:
    browser, client = provider.browser(), provider.register()
    browser.sign_in()
    page = client.authorize(browser)
    form = page.forms["consent"]

    def press(decision: str) -> Any:
        fields = dict(form.submit_fields())
        fields["decision"] = decision
        tab = provider.browser()
        for name, value in browser.cookies.items():
            tab.set_cookie(name, value)
        return follow_to_answer(tab.post(page.request.path_qs, fields))

    answers = together(*(lambda word=word: press(word) for word in ["allow"] * AT_ONCE))
    codes = {client.answer(answer)["code"] for answer in answers}
    assert len(codes) == 1
    with provider.database() as dbsession:
        assert len(dbsession.scalars(select(AuthorizationCode)).all()) == 1
        assert len(dbsession.scalars(select(Consent)).all()) == 1
        assert len(dbsession.scalars(select(SuspendedRequest)).all()) == 1


def test_a_hundred_guesses_at_once_let_no_more_than_the_limit_through(
    provider: Provider,
) -> None:
    asked: list[str] = []

    class Directory:
        def authenticate(self, request: Any, username: str, password: str) -> None:
            asked.append(password)

    provider.registry.oidc.provider.user_directory = Directory()
    browser = provider.browser()
    token = browser.get("/login").forms["login"]["csrf_token"].value

    def guess(number: int) -> int:
        attacker = provider.browser()
        attacker.set_cookie("oidcserver_6543_csrf", token)
        fields = {"csrf_token": token, "username": "alice", "password": f"guess {number}"}
        return attacker.post("/login", fields, status="*").status_int

    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(guess, range(100)))
    assert len(asked) == 10
    assert set(statuses) <= {403, 503}


def test_signing_out_ends_what_rests_on_the_session(provider: Provider) -> None:
    browser, client = provider.browser(), provider.register()
    online = client.exchange(client.login(browser, scope="openid profile")["code"])
    offline = client.exchange(client.login(browser, scope="openid offline_access")["code"])
    browser.get("/logout").forms["logout"].submit()
    assert client.introspect(online["access_token"]) == {"active": False}
    assert client.introspect(offline["access_token"])["active"]


def test_an_authorization_is_not_written_in_a_session_that_has_ended(make_provider: Any) -> None:
    """A user signs out, or is signed out, while a request of another tab is under way."""
    provider = make_provider(oidcserver__includes="support.signing_out_plugin")
    browser, client = provider.browser(), provider.register()
    browser.sign_in()
    form = client.authorize(browser, scope="openid offline_access").forms["consent"]
    form["remember"] = True
    with signing_out():
        waited = follow_to_answer(form.submit("decision", value="allow"))
    assert client.answer(waited)["error"] == "login_required"
    browser.sign_in()
    with signing_out():
        at_once = client.authorize(browser, scope="openid offline_access")
    assert client.answer(at_once)["error"] == "login_required"
    with provider.database() as dbsession:
        assert dbsession.scalars(select(Authorization)).all() == []


def test_a_user_whose_password_changes_meanwhile_is_not_signed_in(provider: Provider) -> None:
    class Directory:
        """Is overtaken by the operator after it has checked the password."""

        def authenticate(self, request: Any, username: str, password: str) -> DirectoryUser:
            return DirectoryUser("1", username)

    provider.registry.oidc.provider.user_directory = Directory()
    assert provider.browser().sign_in().status_int == 303
    before = account.account_of

    def overtaken(request: Any, user: DirectoryUser) -> Any:
        known = before(request, user)
        end_everything(provider, known.username)
        return known

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(authentication, "account_of", overtaken)
        assert provider.browser().sign_in(status=403).forms["login"]
        client = provider.register(grant_types=["password"], response_types=[])
        form = {"username": "alice", "password": "valid", "scope": "openid"}
        refused = client.token(grant_type="password", status=400, **form)
    assert refused.json["error"] == "invalid_grant"
    with provider.database() as dbsession:
        assert dbsession.scalars(select(Authorization)).all() == []


def test_an_authorization_is_not_written_for_an_access_that_was_withdrawn(
    make_provider: Any,
) -> None:
    provider = make_provider(oidcserver__includes="support.signing_out_plugin")
    browser, client = provider.browser(), provider.register()
    browser.sign_in()
    form = client.authorize(browser).forms["consent"]
    form["remember"] = True
    with withdrawing():
        assert client.answer(follow_to_answer(form.submit("decision", value="allow")))["error"]
    page = client.authorize(browser)
    form = page.forms["consent"]
    form["remember"] = True
    assert "code" in client.answer(follow_to_answer(form.submit("decision", value="allow")))
    with withdrawing():
        assert client.answer(client.authorize(browser, prompt="none"))["error"]
    with provider.database() as dbsession:
        live = select(Authorization).where(Authorization.revoked_at.is_(None))
        assert dbsession.scalars(live).all() == []
