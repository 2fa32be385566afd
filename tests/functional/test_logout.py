"""Signing out: the question, what ends, and again and again without an error."""

from typing import Any

from sqlalchemy import select, update
from support.app import Browser, Provider

from oidcserver.models import Authorization, LoginSession

SESSION = "oidcserver_6543_session"


def sign_out(browser: Browser) -> Any:
    """Answer the question of the page with yes."""
    return browser.get("/logout").forms["logout"].submit()


def test_it_asks_and_then_says_so(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in()
    page = browser.get("/logout")
    assert "Sign out?" in page
    assert "Stay signed in" in page
    assert "Hello" in browser.get("/")
    response = page.forms["logout"].submit()
    assert response.status_int == 303
    assert "You are signed out" in response.follow()
    assert SESSION not in browser.cookies
    assert "One account" in browser.get("/")


def test_the_old_cookie_is_dead(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in()
    cookie = browser.cookies[SESSION]
    sign_out(browser)
    browser.set_cookie(SESSION, cookie)
    assert "One account" in browser.get("/")
    with provider.database() as dbsession:
        assert dbsession.scalars(select(LoginSession.ended_at)).one() is not None


def test_again_and_again_without_an_error(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in()
    page = browser.get("/logout")
    for _ in range(3):
        response = page.forms["logout"].submit()
        assert "You are signed out" in response.follow()
        assert "You are signed out" in browser.get("/logout")


def test_nobody_is_signed_out_by_another_site(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in()
    form = browser.get("/logout").forms["logout"]
    form.submit(headers={"Origin": "https://evil.example"}, status=403)
    browser.post("/logout", {}, status=403)
    assert "Hello" in browser.get("/")


def test_the_home_page_signs_out_too(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in()
    response = browser.get("/").forms[0].submit()
    assert "You are signed out" in response.follow()


def test_what_was_allowed_for_this_session_only_ends(provider: Provider) -> None:
    browser, other = provider.browser(), provider.browser()
    client = provider.register()
    online = client.exchange(client.login(browser, scope="openid profile")["code"])
    offline = client.exchange(client.login(browser, scope="openid offline_access")["code"])
    elsewhere = client.exchange(client.login(other, scope="openid profile")["code"])
    sign_out(browser)
    assert client.introspect(online["access_token"]) == {"active": False}
    assert client.refresh(online["refresh_token"], status=400)["error"] == "invalid_grant"
    assert client.introspect(offline["access_token"])["active"]
    assert "access_token" in client.refresh(offline["refresh_token"])
    assert client.introspect(elsewhere["access_token"])["active"]


def test_a_scope_that_only_looks_alike_does_not_outlive_the_session(provider: Provider) -> None:
    browser, client = provider.browser(), provider.register()
    tokens = client.exchange(client.login(browser, scope="openid")["code"])
    with provider.database() as dbsession:
        dbsession.execute(update(Authorization).values(scope="openid offlineXaccess"))
    sign_out(browser)
    assert client.introspect(tokens["access_token"]) == {"active": False}
