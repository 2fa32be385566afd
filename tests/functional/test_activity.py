"""The recent activity of an account: recorded, shown to its user, exported, pruned."""

from typing import Any

import pytest
from sqlalchemy import select
from support.app import Provider
from support.factors import codes, enrolled, enter, second_step
from support.upstream import Upstream

from oidcserver.models import Activity, Client
from oidcserver.operations.activity import CHANGES, FAILURES, RETENTION
from oidcserver.operations.prune import prune
from oidcserver.views.activity import EVENTS

PAGES = "home login consent logout account password profile leave"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    provider: Provider = make_provider(oidc__pages=PAGES)
    return provider


def rows(provider: Provider) -> list[tuple[str, bool]]:
    """Return the recorded events, each with whether it has an account."""
    with provider.database() as dbsession:
        found = dbsession.execute(
            select(Activity.event, Activity.user_id).order_by(Activity.occurred_at)
        )
        return [(event, user_id is not None) for event, user_id in found]


def lines(browser: Any) -> list[str]:
    page = browser.get("/account/activity", status=200)
    return [" ".join(it.get_text().split()) for it in page.html.select("ul.rows > li")]


def test_each_recorded_event_has_a_sentence() -> None:
    assert EVENTS.keys() == CHANGES | FAILURES


@pytest.mark.both_databases
def test_the_page_says_what_happened_when_and_where(provider: Provider) -> None:
    client = provider.register(client_name="<Field> Notes")
    thief = provider.browser()
    thief.extra_environ["REMOTE_ADDR"] = "203.0.113.9"
    browser = provider.browser()
    browser.extra_environ.update(HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="192.0.2.7")
    client.login(browser, "ada")
    thief.sign_in("ada", "wrong", status=403)
    form = browser.get("/account/profile").forms["profile"]
    form["nickname"] = "Countess"
    form.submit()
    form = next(it for it in browser.get("/account").forms.values() if "applications" in it.action)
    form.submit("client").forms["confirm"].submit("client")
    form = browser.get("/account/password").forms["password-form"]
    form["password"], form["new_password"] = "valid", "orbiting lighthouse sandwich"
    form.submit(status=303)
    found = lines(browser)
    sentences = (
        "Signed in (password)",
        "Access was allowed: <Field> Notes",
        "! A wrong password was entered",
        "The profile was changed",
        "Access was withdrawn: <Field> Notes",
        "The password was changed",
    )
    assert len(found) == len(sentences)
    for line, sentence in zip(reversed(found), sentences, strict=True):
        assert line.startswith(sentence), "in the order of writing"
    for sentence in sentences:
        [line] = [it for it in found if it.startswith(sentence)]
        wrong = "wrong" in sentence
        assert ("203.0.113.9" if wrong else "Firefox on Linux · 192.0.2.7") in line
        assert "UTC" in line
    assert "Recent activity" in browser.get("/account")
    exported = browser.get("/account/export").json["activity"]
    assert [it["event"] for it in exported].count("signed_in") == 1
    assert {it["address"] for it in exported} == {"192.0.2.7", "203.0.113.9"}


@pytest.mark.both_databases
def test_second_factors_that_were_wrong_or_used_up_are_shown(
    make_provider: Any, clock: Any
) -> None:
    provider = make_provider(oidc__second_factors="totp recovery_codes")
    browser, app = enrolled(provider, clock)
    recovery = codes(browser)
    page = second_step(provider.browser())
    enter(page, app.code(9), status=403)
    enter(page.click("Use instead: Recovery code"), recovery[0])
    found = lines(browser)
    for sentence in (
        "! A second factor was not accepted: Authenticator app",
        "A recovery code was used as the second factor",
        "Signed in (password, recovery code)",
        "New recovery codes were created",
    ):
        assert len([it for it in found if it.startswith(sentence)]) == 1


@pytest.mark.both_databases
def test_the_set_up_of_a_factor_is_no_sign_in(make_provider: Any, clock: Any) -> None:
    browser, _ = enrolled(make_provider(oidc__second_factors="totp"), clock)
    found = [line.partition(" ·")[0] for line in lines(browser)]
    assert len(found) == 3
    for sentence in (
        "Signed in (password)",
        "A second factor was added: Authenticator app",
        "The sign-in was confirmed with a second factor (password, one-time code)",
    ):
        assert len([it for it in found if it.startswith(sentence)]) == 1


@pytest.mark.both_databases
def test_a_sign_in_at_an_upstream_is_named(make_provider: Any) -> None:
    upstream = Upstream()
    try:
        settings = upstream.settings(allow_registration="true")
        provider = make_provider(oidc__user_directory="database", oidc__pages=PAGES, **settings)
        browser = provider.browser()
        upstream.sign_in(browser)
    finally:
        upstream.close()
    [line] = [it for it in lines(browser) if it.startswith("Signed in")]
    assert line.startswith("Signed in (The Other)")
    page = browser.get("/account/activity")
    assert "If you do not recognise something, sign out everywhere." in page
    assert "Change your password" not in browser.get("/account"), "the account has none"


def test_the_advice_is_to_change_a_password_where_users_can(
    make_provider: Any, provider: Provider
) -> None:
    for made, advice in (
        (provider, "change your password and sign out everywhere."),
        (make_provider(), "If you do not recognise something, sign out everywhere."),
    ):
        browser = made.browser()
        browser.sign_in("alice")
        assert advice in browser.get("/account/activity")


def test_of_others_nothing_is_shown(provider: Provider) -> None:
    alice, bob = provider.browser(), provider.browser()
    alice.sign_in("alice")
    provider.register(client_name="Shop").login(bob, "bob")
    assert len(lines(alice)) == 1
    assert len(lines(bob)) == 2
    assert provider.browser().get("/account/activity").location.endswith("%2Faccount%2Factivity")


def test_a_failed_try_for_no_account_does_the_same_work_and_names_nobody(
    make_provider: Any,
) -> None:
    provider = make_provider(oidc__user_directory="database")
    provider.browser().sign_in("my own password", "x", status=403)
    assert rows(provider) == [("login_failed", False)]
    with provider.database() as dbsession:
        [row] = dbsession.scalars(select(Activity))
        assert "my own password" not in str(vars(row))


def test_failed_tries_do_not_push_the_sign_ins_from_the_page(
    make_provider: Any, clock: Any
) -> None:
    provider = make_provider(oidc__login_attempts="100")
    browser = provider.browser()
    browser.sign_in("alice")
    clock.advance(10)
    thief = provider.browser()
    for _ in range(25):
        thief.sign_in("alice", "wrong", status=403)
    found = lines(browser)
    assert len(found) == 21
    assert found[-1].startswith("Signed in")


def test_tokens_write_nothing(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    answer = client.login(browser, scope="openid offline_access")
    before = rows(provider)
    tokens = client.exchange(answer["code"])
    client.userinfo(tokens["access_token"])
    client.refresh(tokens["refresh_token"])
    client.introspect(tokens["access_token"])
    assert rows(provider) == before


def test_an_application_that_is_gone_is_named_by_its_identifier(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    client.login(browser)
    with provider.database() as dbsession:
        dbsession.delete(dbsession.get_one(Client, client.client_id))
    assert any(f"Access was allowed: {client.client_id}" in line for line in lines(browser))


@pytest.mark.both_databases
def test_old_rows_are_pruned(make_provider: Any, clock: Any) -> None:
    provider = make_provider(oidc__activity_retention="30d")
    provider.browser().sign_in("alice")
    clock.advance(29 * 86400)
    provider.browser().sign_in("alice")
    clock.advance(2 * 86400)
    registry = provider.registry
    prune(registry.oidc.database.session, registry.oidc.provider.settings)
    assert rows(provider) == [("signed_in", True)]
    assert registry.oidc.provider.settings[RETENTION] == 30 * 86400


def test_without_retention_nothing_is_recorded_and_there_is_no_page(make_provider: Any) -> None:
    provider = make_provider(oidc__activity_retention="0")
    browser = provider.browser()
    browser.sign_in("alice")
    assert rows(provider) == []
    browser.get("/account/activity", status=404)
    assert "Recent activity" not in browser.get("/account")
