"""Actions that help the thief of a session require the password (ASVS 7.5.2, 7.5.3)."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select
from support.app import Provider, RelyingParty, follow_to_answer
from support.authenticator import Authenticator, passkey_form
from support.factors import enrolled, enter
from support.upstream import Upstream
from webtest import TestResponse

from oidcserver.models import Client, User

LONG_AGO = 301


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    """A client of alice's, to which she allowed something."""
    client = provider.register(client_name="Shop")
    browser = provider.browser()
    client.login(browser)
    with provider.database() as dbsession:
        row = dbsession.get_one(Client, client.client_id)
        row.owner_id = dbsession.scalars(select(User.id)).one()
    return client


def form_of(page: TestResponse, path: str, text: str = "") -> Any:
    return next(
        form for form in page.forms.values() if form.action.endswith(path) and text in form.text
    )


def sign_in_again(page: TestResponse, password: str = "valid") -> TestResponse:
    """Fill in the login page that a user who is signed in was sent to."""
    assert urlsplit(page.location).path == "/login"
    page = page.follow()
    assert "Sign in again" in page
    form = page.forms["login"]
    assert form["username"].value == "alice"
    form["password"] = password
    return form.submit()


def test_another_session_ends_after_the_password_was_said_again(
    provider: Provider, clock: Any
) -> None:
    here, there = provider.browser(), provider.browser()
    there.sign_in()
    here.sign_in()
    clock.advance(LONG_AGO)
    asked = form_of(here.get("/account"), "/sessions", "Sign out there").submit("session")
    assert there.get("/account").status_int == 200
    confirm = sign_in_again(asked).follow()
    assert "Sign out there?" in confirm
    assert there.get("/account").status_int == 200
    page = confirm.forms["confirm"].submit("session").follow()
    assert "The other browser was signed out." in page.html.find(role="status").get_text()
    assert there.get("/account").status_int == 303
    assert here.get("/account").status_int == 200


def test_ones_own_session_ends_at_once(provider: Provider, clock: Any) -> None:
    browser = provider.browser()
    browser.sign_in()
    clock.advance(LONG_AGO)
    form_of(browser.get("/account"), "/sessions").submit("session")
    assert browser.get("/account").status_int == 303


def test_a_consent_is_withdrawn_after_the_password_was_said_again(
    provider: Provider, client: RelyingParty, clock: Any
) -> None:
    browser = provider.browser()
    browser.sign_in()
    clock.advance(LONG_AGO)
    asked = form_of(browser.get("/account"), "/applications").submit("client")
    assert "Shop" in browser.get("/account")
    confirm = sign_in_again(asked).follow()
    assert "Shop" in confirm
    page = confirm.forms["confirm"].submit("client").follow()
    assert "The access was withdrawn." in page.html.find(role="status").get_text()
    assert "Shop" not in browser.get("/account")


@pytest.mark.parametrize(("action", "name"), [("secret", "new_secret"), ("delete", "delete")])
def test_a_client_is_changed_for_good_after_the_password_was_said_again(
    provider: Provider, client: RelyingParty, clock: Any, action: str, name: str
) -> None:
    browser = provider.browser()
    browser.sign_in()
    path = f"/clients/{client.client_id}/{action}"
    form = browser.get(path).forms[name]
    clock.advance(LONG_AGO)
    sign_in_page = form.submit()
    assert parse_qs(urlsplit(sign_in_page.location).query)["next"] == [path]
    again = browser.get(path)
    assert urlsplit(again.location).path == "/login"
    with provider.database() as dbsession:
        row = dbsession.get_one(Client, client.client_id)
        assert row.previous_secret_digest is None
    page = sign_in_again(again).follow()
    page.forms[name].submit()
    with provider.database() as dbsession:
        found = dbsession.get(Client, client.client_id)
        assert found is None if action == "delete" else found is not None
        assert found is None or found.previous_secret_digest is not None


def test_an_app_is_removed_after_the_password_and_the_code_were_entered_again(
    make_provider: Any, clock: Any
) -> None:
    provider = make_provider(oidc__second_factors="totp recovery_codes")
    browser, app = enrolled(provider, clock)
    clock.advance(LONG_AGO)
    page = sign_in_again(browser.get("/account/factors").click("Remove: Authenticator app"))
    page = enter(follow_to_answer(page), app.code()).follow()
    assert page.html.h1.get_text() == "Remove Authenticator app?"
    page = page.forms["confirm"].submit("remove").follow()
    assert "The second factor was removed." in page.html.find(role="status").get_text()
    assert "Set up: Authenticator app" in page


def test_a_passkey_is_removed_after_it_was_used_again(make_provider: Any, clock: Any) -> None:
    provider = make_provider(oidc__second_factors="passkey")
    browser, key = provider.browser(), Authenticator()
    browser.sign_in()
    form = key.make(passkey_form(browser.get("/account/passkeys")))
    form["name"] = "My <telephone>"
    page = form.submit().follow()
    assert "The passkey was created." in page.html.find(role="status").get_text()
    clock.advance(LONG_AGO)
    page = follow_to_answer(sign_in_again(page.click("Remove: My")))
    page = key.use(passkey_form(page)).submit().follow()
    assert page.html.h1.get_text() == "Remove My <telephone>?"
    page = page.forms["confirm"].submit("remove").follow()
    assert "The passkey was removed." in page.html.find(role="status").get_text()


def test_an_account_elsewhere_is_connected_and_disconnected_after_a_new_sign_in(
    make_provider: Any, clock: Any
) -> None:
    upstream = Upstream()
    try:
        provider = make_provider(**upstream.settings())
        browser = provider.browser()
        browser.sign_in()
        form = browser.get("/account/connections").forms["connect-other"]
        page = browser.get(upstream.answer_url(form.submit("link"))).follow()
        clock.advance(LONG_AGO)
        page = sign_in_again(page.forms["disconnect-other"].submit("remove")).follow()
        assert page.html.h1.get_text() == "Disconnect The Other?"
        page = page.forms["confirm"].submit("remove").follow()
        assert "The account was disconnected." in page.html.find(role="status").get_text()
        clock.advance(LONG_AGO)
        page = sign_in_again(page.forms["connect-other"].submit("link")).follow()
        assert page.html.h1.get_text() == "Connect The Other?"
        assert page.forms["confirm"].submit("link").location.startswith(upstream.issuer)
    finally:
        upstream.close()


def test_a_wrong_password_leads_nowhere(provider: Provider, clock: Any) -> None:
    here, there = provider.browser(), provider.browser()
    there.sign_in()
    here.sign_in()
    clock.advance(LONG_AGO)
    asked = form_of(here.get("/account"), "/sessions", "Sign out there").submit("session")
    assert urlsplit(asked.location).path == "/login"
    form = asked.follow().forms["login"]
    form["password"] = "wrong"
    refused = form.submit(status=403)
    assert "do not match" in refused
    assert "Sign in again" in refused
    assert here.get("/account/sessions?session=unknown").location.endswith("/account")
    assert there.get("/account").status_int == 200


def test_an_operator_may_do_without(make_provider: Any, clock: Any) -> None:
    provider = make_provider(oidc__recent_login="0")
    here, there = provider.browser(), provider.browser()
    there.sign_in()
    here.sign_in()
    clock.advance(LONG_AGO)
    form_of(here.get("/account"), "/sessions", "Sign out there").submit("session")
    assert there.get("/account").status_int == 303


@pytest.mark.parametrize(
    "change",
    [
        {"token_endpoint_auth_method": "none"},
        {"id_token_signed_response_alg": "HS256"},
        {"jwks_uri": "https://client.example/keys"},
    ],
)
def test_how_a_client_authenticates_is_changed_after_the_password_was_said_again(
    provider: Provider, client: RelyingParty, clock: Any, change: dict[str, str]
) -> None:
    browser = provider.browser()
    browser.sign_in()
    clock.advance(LONG_AGO)
    path = f"/clients/{client.client_id}"

    def save(form: Any, status: int) -> Any:
        form["client_name"] = "Better Shop"
        for name, value in change.items():
            form[name] = value
        return form.submit(status=status)

    def stored() -> tuple[Any, ...]:
        with provider.database() as dbsession:
            row = dbsession.get_one(Client, client.client_id)
            (name, value) = next(iter(change.items()))
            return row.client_name, row.member(name) == value, row.previous_secret_digest

    page = save(browser.get(path).forms["client"], 400)
    assert "cs_" not in page
    assert stored() == ("Shop", False, None)
    link = page.html.find("a", string="Sign in again (opens another tab)")
    form = browser.get(link["href"]).forms["login"]
    form["password"] = "valid"
    assert form.submit().location.endswith(path)
    assert page.forms["client"]["client_name"].value == "Better Shop"
    page.forms["client"].submit()
    assert stored()[:2] == ("Better Shop", True)


def test_what_else_a_client_says_is_changed_at_any_time(
    provider: Provider, client: RelyingParty, clock: Any
) -> None:
    browser = provider.browser()
    browser.sign_in()
    clock.advance(LONG_AGO)
    form = browser.get(f"/clients/{client.client_id}").forms["client"]
    form["client_name"] = "Better Shop"
    assert "saved" in form.submit(status=303).location
