"""The account page: one's sessions and what one allowed."""

from typing import Any

import pytest
import webtest
from sqlalchemy import update
from support.app import Provider, RelyingParty

from oidcserver.models import Authorization, Client


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(client_name="Shop & Sons")


def test_an_application_is_listed_and_its_withdrawal_ends_its_tokens(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    tokens = client.exchange(client.login(browser, scope="openid offline_access")["code"])
    page = browser.get("/account")
    assert "Shop &amp; Sons" in page.text
    form = next(form for form in page.forms.values() if form.action.endswith("/applications"))
    asked = form.submit("client")
    assert "Withdraw access?" in asked
    client.userinfo(tokens["access_token"])
    page = asked.forms["confirm"].submit("client").follow()
    assert "Shop" not in page.text
    client.userinfo(tokens["access_token"], status=401)
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"


def test_an_application_whose_access_ended_is_listed_apart(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    client.login(browser, scope="openid profile")
    page = browser.get("/account")
    assert "Applications that you allowed before" not in page
    with provider.database() as dbsession:
        dbsession.execute(update(Authorization).values(revoked_at=1))
    page = browser.get("/account")
    assert "No application has access to your account." in page
    before = page.html.find("h2", string="Applications that you allowed before")
    assert "Shop & Sons" in before.find_next("ul").get_text()


def test_another_browser_is_signed_out_from_here(provider: Provider) -> None:
    here, there = provider.browser(), provider.browser()
    here.sign_in("alice")
    there.sign_in("alice")
    page = here.get("/account")
    forms = [form for form in page.forms.values() if form.action.endswith("/sessions")]
    assert len(forms) == 2
    other = next(form for form in forms if "Sign out there" in form.text)
    other.submit("session")
    assert there.get("/account").status_int == 303
    assert here.get("/account").status_int == 200


def test_a_user_signs_out_everywhere_and_is_asked_first(
    provider: Provider, client: RelyingParty
) -> None:
    here, there, others = provider.browser(), provider.browser(), provider.browser()
    others.sign_in("bob")
    online = client.exchange(client.login(there, scope="openid")["code"])
    offline = client.exchange(client.login(there, scope="openid offline_access")["code"])
    here.sign_in("alice")
    link = here.get("/account").html.find("a", string="Sign out everywhere")
    asked = here.get(link["href"])
    assert "Sign out everywhere?" in asked
    assert there.get("/account").status_int == 200
    left = asked.forms["confirm"].submit("session").follow()
    assert "You were signed out everywhere." in left
    for browser in (here, there):
        assert browser.get("/account").status_int == 303
    assert others.get("/account").status_int == 200
    client.userinfo(online["access_token"], status=401)
    client.userinfo(offline["access_token"])
    here.sign_in("alice")
    assert here.get("/account").status_int == 200


def test_to_sign_out_everywhere_requires_a_recent_sign_in(provider: Provider, clock: Any) -> None:
    browser = provider.browser()
    browser.sign_in("alice")
    confirm = browser.get("/account/sessions?session=all").forms["confirm"]
    clock.advance(301)
    for answer in (browser.get("/account/sessions?session=all"), confirm.submit("session")):
        assert "/login?" in answer.location
    assert browser.get("/account").status_int == 200


def test_a_strangers_session_cannot_be_ended(provider: Provider) -> None:
    alice, mallory = provider.browser(), provider.browser()
    alice.sign_in("alice")
    mallory.sign_in("mallory")
    form: Any = next(
        form for form in alice.get("/account").forms.values() if "session" in form.fields
    )
    stolen = form.fields["session"][0]._value
    own = next(form for form in mallory.get("/account").forms.values() if "session" in form.fields)
    pairs = {"csrf_token": own["csrf_token"].value, "session": stolen}
    mallory.post("/account/sessions", pairs)
    assert alice.get("/account").status_int == 200


def test_the_page_wants_somebody_signed_in(provider: Provider) -> None:
    assert provider.browser().get("/account").location.endswith("/login?next=%2Faccount")


def forms(page: webtest.TestResponse, action: str) -> list[webtest.Form]:
    return [form for form in page.forms.values() if form.action.endswith(action)]


def test_a_browser_is_told_by_its_name_and_address(provider: Provider) -> None:
    browser = provider.browser()
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    browser.extra_environ.update(HTTP_USER_AGENT=firefox, REMOTE_ADDR="192.0.2.7")
    browser.sign_in("alice")
    text = browser.get("/account").html.get_text()
    assert "Firefox on Linux" in text
    assert "192.0.2.7" in text
    assert "(this browser)" in text


def test_markup_is_inert(provider: Provider) -> None:
    markup = "<script>alert(1)</script>"
    client = provider.register(client_name=markup)
    browser = provider.browser()
    browser.extra_environ["HTTP_USER_AGENT"] = f"{markup}\"'{{{{ 7 * 7 }}}}"
    client.login(browser, username=markup)
    page = browser.get("/account")
    assert "<script>" not in page.text
    assert page.html.get_text().count(markup) == 4
    assert "{{ 7 * 7 }}" in page.html.get_text()


def test_sessions_that_are_over_are_not_listed(provider: Provider, clock: Any) -> None:
    provider.browser().sign_in("alice")
    clock.advance(3000)
    here = provider.browser()
    here.sign_in("alice")
    assert len(forms(here.get("/account"), "/sessions")) == 2
    clock.advance(1000)
    assert len(forms(here.get("/account"), "/sessions")) == 1, "the other one idled too long"


def test_to_end_the_session_of_this_browser_signs_out(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in("alice")
    [form] = forms(browser.get("/account"), "/sessions")
    back = form.submit("session").follow()
    assert back.location.endswith("/login?next=%2Faccount")


def test_the_end_of_a_session_ends_what_rests_on_it(
    provider: Provider, client: RelyingParty
) -> None:
    here, there = provider.browser(), provider.browser()
    online = client.exchange(client.login(there, scope="openid")["code"])
    offline = client.exchange(client.login(there, scope="openid offline_access")["code"])
    here.sign_in("alice")
    other = next(form for form in forms(here.get("/account"), "/sessions") if "there" in form.text)
    other.submit("session")
    client.userinfo(online["access_token"], status=401)
    client.userinfo(offline["access_token"])  # which the person allowed to last


def test_one_withdraws_for_oneself_alone(provider: Provider, client: RelyingParty) -> None:
    alice, bob = provider.browser(), provider.browser()
    client.login(alice, username="alice")
    tokens = client.exchange(client.login(bob, username="bob")["code"])
    [form] = forms(alice.get("/account"), "/applications")
    confirm = form.submit("client").forms["confirm"]
    confirm.submit("client")
    confirm.submit("client")
    client.userinfo(tokens["access_token"])
    assert "Shop" in bob.get("/account")


@pytest.mark.parametrize("path", ["/account/sessions", "/account/applications"])
def test_a_form_without_its_token_changes_nothing(
    provider: Provider, client: RelyingParty, path: str
) -> None:
    browser = provider.browser()
    client.login(browser)
    page = browser.get("/account")
    [ends], [withdraws] = forms(page, "/sessions"), forms(page, "/applications")
    values = {
        "session": ends.fields["session"][0]._value,
        "client": withdraws.fields["client"][0]._value,
    }
    for token in ({}, {"csrf_token": "forged"}):
        browser.post(path, {**values, **token}, status=403)
    own = {**values, "csrf_token": ends["csrf_token"].value}
    browser.post(path, own, headers={"Origin": "https://evil.example"}, status=403)
    assert "Shop" in browser.get("/account")


@pytest.mark.parametrize("junk", ["", "x", "\u202e", "\x01", "x" * 4000, "😀"])
def test_junk_is_answered(provider: Provider, junk: str) -> None:
    browser = provider.browser()
    browser.sign_in("alice")
    [form] = forms(browser.get("/account"), "/sessions")
    own = {"csrf_token": form["csrf_token"].value}
    for path, name in (("/account/sessions", "session"), ("/account/applications", "client")):
        for values in ({**own, name: junk}, own):
            assert browser.post(path, values).status_int == 303
    assert browser.get("/account").status_int == 200


def test_an_application_that_skips_consent_is_listed_and_loses_its_access(
    provider: Provider, client: RelyingParty
) -> None:
    with provider.database() as dbsession:
        dbsession.get_one(Client, client.client_id).skip_consent = True
    browser, other = provider.browser(), provider.browser()
    tokens = client.exchange(client.login(browser)["code"])
    page = browser.get("/account")
    assert "Applications of this service" in page
    assert "Shop &amp; Sons" in page
    [form] = forms(page, "/applications")
    confirm = form.submit("client")
    assert "gets access again when you sign in there" in confirm
    page = confirm.forms["confirm"].submit("client").follow()
    assert "Shop" not in page
    client.userinfo(tokens["access_token"], status=401)
    other.sign_in("bob")
    assert "Shop" not in other.get("/account")
