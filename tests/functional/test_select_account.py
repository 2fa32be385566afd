"""prompt=select_account: the person goes on as who is signed in, or as somebody else
(OpenID Connect Core section 3.1.2.1)."""

from typing import Any

import pytest
from sqlalchemy import select
from support.app import Browser, Provider, RelyingParty, decode_id_token, follow_to_answer

from oidcserver.models import LoginSession, User


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(client_name="Field Notes")


@pytest.fixture
def browser(provider: Provider) -> Browser:
    """A browser in which alice is signed in."""
    browser = provider.browser()
    browser.sign_in()
    return browser


def go_on(page: Any) -> Any:
    """Press the button of the present account."""
    return follow_to_answer(page.forms["continue"].submit("continue_as"))


def auth_time(client: RelyingParty, page: Any) -> Any:
    """Return when the person of the answer signed in."""
    tokens = client.exchange(client.answer(client.complete(page))["code"])
    return decode_id_token(client.provider, tokens["id_token"])["auth_time"]


def test_the_page_offers_the_present_account_and_another(
    browser: Browser, client: RelyingParty
) -> None:
    page = client.authorize(browser, prompt="select_account")
    assert "<h1>Choose an account</h1>" in page
    assert "to continue to <strong><bdi>Field Notes</bdi></strong>" in page
    assert "Continue as <bdi>alice</bdi></span>" in page
    assert page.forms["login"]["username"].value == ""


def test_the_form_for_another_account_does_not_name_the_present_one(
    browser: Browser, client: RelyingParty
) -> None:
    page = client.authorize(browser, prompt="select_account", login_hint="Alice")
    assert "Continue as <bdi>alice</bdi>" in page
    assert page.forms["login"]["username"].value == ""


def test_the_present_account_goes_on_without_a_password(
    provider: Provider, browser: Browser, client: RelyingParty, clock: Any
) -> None:
    clock.advance(100)
    page = go_on(client.authorize(browser, prompt="select_account"))
    assert "signed in as <strong><bdi>alice</bdi></strong>" in page
    with provider.database() as dbsession:
        signed_in_at = dbsession.scalars(select(LoginSession.auth_time)).one()
    assert auth_time(client, page) == signed_in_at


def test_another_account_signs_in(browser: Browser, client: RelyingParty) -> None:
    page = client.authorize(browser, prompt="select_account", login_hint="bob")
    form = page.forms["login"]
    assert form["username"].value == "bob"
    form["password"] = "valid"
    assert "signed in as <strong><bdi>bob</bdi></strong>" in follow_to_answer(form.submit())


def test_a_wrong_password_leaves_the_choice(browser: Browser, client: RelyingParty) -> None:
    form = client.authorize(browser, prompt="select_account").forms["login"]
    form["username"], form["password"] = "bob", "wrong"
    page = form.submit(status=403)
    assert page.forms["login"]["username"].value == "bob"
    assert "signed in as <strong><bdi>alice</bdi></strong>" in go_on(page)


def test_the_choice_holds_for_one_request(browser: Browser, client: RelyingParty) -> None:
    client.complete(go_on(client.authorize(browser, prompt="select_account")))
    assert "continue" in client.authorize(browser, prompt="select_account").forms


def test_who_is_not_signed_in_has_nothing_to_choose(
    provider: Provider, client: RelyingParty
) -> None:
    page = client.authorize(provider.browser(), prompt="select_account")
    assert "continue" not in page.forms
    assert "<h1>Sign in</h1>" in page


@pytest.mark.parametrize(
    "wish", [{"prompt": "select_account login"}, {"prompt": "select_account", "max_age": "0"}]
)
def test_where_a_new_login_is_due_no_choice_stands_for_the_password(
    provider: Provider, browser: Browser, client: RelyingParty, wish: dict[str, str]
) -> None:
    page = client.authorize(browser, **wish)
    assert "continue" not in page.forms
    with provider.database() as dbsession:
        session_id = dbsession.scalars(select(LoginSession.id)).one()
    fields = {
        "csrf_token": page.forms["login"]["csrf_token"].value, "continue_as": session_id
    }  # fmt: skip
    again = follow_to_answer(browser.post(page.request.path_qs, fields))
    assert "login" in again.forms
    assert "consent" in client.authorize(browser, prompt="consent").forms
    assert "login" in client.authorize(browser, **wish).forms


def test_a_button_of_the_page_chooses_the_account_that_it_names(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    page = client.authorize(browser, prompt="select_account")
    other_tab = client.authorize(browser, prompt="select_account").forms["login"]
    other_tab["username"], other_tab["password"] = "bob", "valid"
    other_tab.submit()
    with provider.database() as dbsession:
        users = dict(
            dbsession.execute(select(User.username, LoginSession.id).join(LoginSession)).all()
        )
    fields = {
        "csrf_token": page.forms["login"]["csrf_token"].value, "continue_as": users["bob"]
    }  # fmt: skip
    again = follow_to_answer(browser.post(page.request.path_qs, fields))
    assert "signed in as <strong><bdi>bob</bdi></strong>" in again
    # The button of the page names alice, whoever has signed in since.
    assert "signed in as <strong><bdi>alice</bdi></strong>" in go_on(page)


def test_a_post_from_elsewhere_chooses_nothing(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    page = client.authorize(browser, prompt="select_account")
    form = page.forms["continue"]
    evil = {"Origin": "https://evil.example"}
    form.submit("continue_as", headers=evil, status=403)
    form["csrf_token"] = "x"
    form.submit("continue_as", status=403)
    fields = {"csrf_token": page.forms["login"]["csrf_token"].value, "continue_as": "x"}
    assert "continue" in browser.post(page.request.path_qs, fields, status=403).forms
    stranger = provider.browser()
    fields["csrf_token"] = stranger.get("/login").forms["login"]["csrf_token"].value
    stranger.post(page.request.path_qs, fields, status=403)
    assert "continue" in browser.get(page.request.path_qs).forms


def test_without_a_request_there_is_nothing_to_choose_for(provider: Provider) -> None:
    browser = provider.browser()
    token = browser.get("/login").forms["login"]["csrf_token"].value
    fields = {"csrf_token": token, "continue_as": "x"}
    assert "login" in browser.post("/login", fields, status=403).forms


def test_a_page_left_open_until_its_request_expired_still_chooses(
    make_provider: Any, clock: Any
) -> None:
    provider = make_provider(oidc__session_idle_lifetime="1d", oidc__session_max_lifetime="2d")
    browser, client = provider.browser(), provider.register()
    browser.sign_in()
    page = client.authorize(browser, prompt="select_account")
    clock.advance(12 * 3600)
    assert "consent" in go_on(page).forms
