"""A user makes an account, and is back at the application that asked for it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
import webtest
from sqlalchemy import func, select
from support.app import Browser, Provider, follow_to_answer
from support.changed_client import register_redirect_uris
from support.mailed import letters

from oidcserver.accounts.passwords import Busy
from oidcserver.models import User
from oidcserver.models.user import find_user
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

ADDRESS, PASSWORD = "ada@example.com", "four unrelated words of ada"
PAGES = "home login consent logout account register recover password address leave mail"
SETTINGS = {"oidc__pages": PAGES, "oidc__user_directory": "database"}


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    provider: Provider = make_provider(**SETTINGS)
    return provider


def fill(page: webtest.TestResponse, address: str = ADDRESS, **submit: Any) -> webtest.TestResponse:
    """Fill in the form for a new account."""
    form = page.forms["register"]
    form["address"], form["password"] = address, submit.pop("password", PASSWORD)
    return form.submit(**submit)


def register(browser: Browser, address: str = ADDRESS) -> webtest.TestResponse:
    """Ask for an account; return the page that asks for the code."""
    return fill(browser.get("/register"), address).follow()


def users(provider: Provider) -> int:
    with provider.database() as dbsession:
        return dbsession.scalar(select(func.count()).select_from(User)) or 0


def test_a_user_opens_the_link_and_is_signed_in(provider: Provider) -> None:
    browser = provider.browser()
    page = browser.get("/login").click("Create an account")
    assert "Check your email" in fill(page).follow()
    assert users(provider) == 0, "the address is not confirmed"
    [mail] = letters(provider)
    assert mail.to == ADDRESS
    opened = browser.get(mail.path)
    assert "token" not in opened.location
    done = opened.follow().forms["confirm"].submit()
    assert done.location.endswith("/")
    assert ADDRESS in browser.get("/account")
    with provider.database() as dbsession:
        user = find_user(dbsession, ADDRESS)
        assert user is not None
        assert user.claims == {"email": ADDRESS, "email_verified": True}


def test_the_code_does_as_well(provider: Provider) -> None:
    browser = provider.browser()
    page = register(browser)
    form = page.forms["enter-code"]
    form["code"] = letters(provider)[0].code.replace(" ", "-")
    form.submit().follow().forms["confirm"].submit()
    assert ADDRESS in browser.get("/account")
    assert provider.browser().sign_in(ADDRESS, PASSWORD).status_code == 303


def test_prompt_create_leads_to_the_form_and_back(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    document = browser.get("/.well-known/openid-configuration").json
    assert "create" in document["prompt_values_supported"]
    page = client.authorize(browser, prompt="create")
    assert "to continue to" in page
    page = fill(page).follow()
    form = page.forms["enter-code"]
    form["code"] = letters(provider)[0].code
    consent = follow_to_answer(follow_to_answer(form.submit()).forms["confirm"].submit())
    answer = client.answer(
        follow_to_answer(consent.forms["consent"].submit("decision", value="allow"))
    )
    assert client.exchange(answer["code"])["id_token"]


def test_prompt_create_does_not_keep_a_user_from_signing_in(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    page = client.authorize(browser, prompt="create").click("Already have an account")
    assert "login" in page.forms


def test_prompt_create_is_unknown_without_the_page(make_provider: Any) -> None:
    provider = make_provider(oidc__pages="home login consent logout")
    client = provider.register()
    assert client.answer(client.authorize(provider.browser(), prompt="create"))["error"] == (
        "invalid_request"
    )
    assert "prompt_values_supported" not in (
        provider.browser().get("/.well-known/openid-configuration").json
    )


def test_in_another_browser_the_password_is_chosen_and_nobody_signed_in(
    provider: Provider,
) -> None:
    """Otherwise the owner of an address could confirm the password of a stranger."""
    here, elsewhere = provider.browser(), provider.browser()
    register(here)
    page = elsewhere.get(letters(provider)[0].path).follow()
    own = "the words of the owner of the mailbox"
    for weak in ("", "short", ADDRESS):
        page.forms["confirm"]["new_password"] = weak
        page = page.forms["confirm"].submit(status=400)
        assert users(provider) == 0
    page.forms["confirm"]["new_password"] = own
    done = page.forms["confirm"].submit().follow()
    assert "Your address is confirmed" in done
    assert elsewhere.get("/account").status_code == 303
    assert here.sign_in(ADDRESS, PASSWORD, status=403)
    assert elsewhere.sign_in(ADDRESS, own).status_code == 303


@pytest.mark.parametrize("method", ["get", "head"])
def test_opening_the_link_changes_nothing(provider: Provider, method: str) -> None:
    register(provider.browser())
    scanner = provider.browser()
    for _ in range(3):
        getattr(scanner, method)(letters(provider)[0].path)
    scanner.get("/confirm")
    assert users(provider) == 0


def test_a_link_is_used_once(provider: Provider) -> None:
    browser = provider.browser()
    register(browser)
    path = letters(provider)[0].path
    pages = [each.get(path).follow() for each in (browser, provider.browser())]
    pages[0].forms["confirm"].submit()
    again = pages[1].forms["confirm"].submit(status=400)
    assert "This link or code does not work." in again


def test_of_twelve_uses_at_once_one_makes_the_account(provider: Provider) -> None:
    register(provider.browser())
    path = letters(provider)[0].path
    forms = [provider.browser().get(path).follow().forms["confirm"] for _ in range(12)]
    for form in forms:
        form["new_password"] = PASSWORD
    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda it: it.submit(expect_errors=True).status_code, forms))
    assert statuses.count(303) == 1
    assert statuses.count(400) == 11
    assert users(provider) == 1


def test_an_old_link_does_not_work(provider: Provider, clock: Any) -> None:
    browser = provider.browser()
    register(browser)
    clock.advance(901)
    page = browser.get(letters(provider)[0].path).follow()
    assert "This link or code does not work." in page


def test_codes_cannot_be_guessed(provider: Provider) -> None:
    browser = provider.browser()
    form = register(browser).forms["enter-code"]
    right = letters(provider)[0].code
    for _ in range(5):
        form["code"] = "0000 0000"
        form.submit(status=400)
    form["code"] = right
    form.submit(status=429)
    assert users(provider) == 0


def test_the_code_works_in_the_browser_that_asked_alone(provider: Provider) -> None:
    register(provider.browser())
    stranger = provider.browser()
    assert "This link or code does not work." in stranger.get("/confirm")


def test_the_answer_does_not_tell_whether_there_is_an_account(provider: Provider) -> None:
    browser = provider.browser()
    register(browser)
    browser.get(letters(provider)[0].path).follow().forms["confirm"].submit()
    first = register(provider.browser(), "new@example.com")
    second = register(provider.browser(), ADDRESS.upper())
    typed = ("new@example.com", ADDRESS.upper())
    texts = [page.html.main.get_text() for page in (first, second)]
    assert all(f"You entered {it}." in text for it, text in zip(typed, texts, strict=True))
    texts = [text.replace(it, "") for it, text in zip(typed, texts, strict=True)]
    assert texts[0] == texts[1]
    [told] = [it for it in letters(provider) if it.subject == "You already have an account"]
    assert told.link.endswith("/login")
    assert ("Forgot your password?" in told.text) == ("recover" in PAGES.split())
    assert users(provider) == 1


def test_the_first_field_with_an_error_has_the_focus(provider: Provider) -> None:
    browser = provider.browser()
    for address, password, focus in (
        (ADDRESS, "short", "password"),
        ("nonsense", PASSWORD, "address"),
        ("nonsense", "short", "address"),
    ):
        page = fill(browser.get("/register"), address, password=password, status=400)
        assert [it["id"] for it in page.html.find_all(autofocus=True)] == [focus]


def test_of_two_who_claim_an_address_one_gets_it(provider: Provider) -> None:
    requests, paths = [], set[str]()
    for _ in range(2):
        browser = provider.browser()
        register(browser)
        [path] = {mail.path for mail in letters(provider)} - paths
        paths.add(path)
        requests.append((browser, path))
    pages = [browser.get(path).follow() for browser, path in requests]
    assert pages[0].forms["confirm"].submit().status_code == 303
    late = pages[1].forms["confirm"].submit(status=400)
    assert "There is already an account with this address." in late
    assert users(provider) == 1


@pytest.mark.parametrize(
    ("address", "password", "sentence"),
    [
        ("ada", PASSWORD, "Enter your email address"),
        ("ada@example.com,eve@example.com", PASSWORD, "Enter your email address"),
        (ADDRESS, "too short", "at least 15 characters"),
        (ADDRESS, "passwordpassword", "easy to guess"),
        (ADDRESS, "ada@example.com1", "easy to guess"),
    ],
)
def test_a_mistake_is_explained_at_its_field_and_loses_nothing(
    provider: Provider, address: str, password: str, sentence: str
) -> None:
    page = fill(provider.browser().get("/register"), address, password=password, status=400)
    assert sentence in page
    assert page.forms["register"]["address"].value == address
    assert letters(provider) == []


def test_members_that_the_form_does_not_have_are_ignored(provider: Provider) -> None:
    browser = provider.browser()
    form = browser.get("/register").forms["register"]
    fields = {**dict(form.submit_fields()), "address": ADDRESS, "password": PASSWORD}
    fields |= {"id": "root", "groups": "admin", "email_verified": "true"}
    browser.post("/register", fields).follow()
    browser.get(letters(provider)[0].path).follow().forms["confirm"].submit()
    with provider.database() as dbsession:
        user = find_user(dbsession, ADDRESS)
        assert user is not None
        assert user.id != "root"
        assert user.claims.keys() == {"email", "email_verified"}


def test_one_mailbox_and_one_network_get_a_few_mails(make_provider: Any) -> None:
    provider = make_provider(**SETTINGS, oidc__mails_per_address="2", oidc__mails_per_network="4")
    for _ in range(3):
        register(provider.browser())
    assert len(letters(provider)) == 2
    register(provider.browser(), "new@example.com")
    fill(provider.browser().get("/register"), "third@example.com", status=429)


def test_the_link_is_made_of_the_issuer(provider: Provider) -> None:
    browser = provider.browser()
    form = browser.get("/register").forms["register"]
    form["address"], form["password"] = ADDRESS, PASSWORD
    form.submit(headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"})
    assert letters(provider)[0].link.startswith(provider.issuer)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"oidc__user_directory": "people"}, "have no passwords here"),
        ({"oidcserver__mode": "production", "oidc__issuer": "https://login.example.com",
          "oidc__pages": "home login consent register"}, "set oidc.mail_url"),
    ],
)  # fmt: skip
def test_a_contradiction_stops_the_start(
    make_provider: Any, settings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem, match=sentence):
        make_provider(**{**SETTINGS, "oidcserver__includes": "support.people_plugin", **settings})


def test_a_client_that_changed_meanwhile_costs_the_user_no_account(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    page = fill(client.authorize(browser, prompt="create")).follow()
    page.forms["enter-code"]["code"] = letters(provider)[0].code
    page = follow_to_answer(page.forms["enter-code"].submit())
    register_redirect_uris(provider, client, "https://client.example/other")
    answer = follow_to_answer(page.forms["confirm"].submit())
    assert "redirect_uri" in answer
    assert users(provider) == 1
    assert provider.browser().sign_in(ADDRESS, PASSWORD).status_code == 303


def test_a_mistake_keeps_the_application_on_the_page(provider: Provider) -> None:
    client = provider.register(client_name="Field Notes")
    page = client.authorize(provider.browser(), prompt="create")
    assert "Field Notes" in fill(page, "no address", status=400)
    assert "Field Notes" in fill(page, password="short", status=400)


def test_a_form_for_a_client_that_changed_meanwhile_sends_no_mail(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    page = client.authorize(browser, prompt="create")
    register_redirect_uris(provider, client, "https://client.example/other")
    assert "redirect_uri" in follow_to_answer(fill(page))
    assert letters(provider) == []


def test_an_address_that_another_account_has_verified_meanwhile_is_taken(
    provider: Provider,
) -> None:
    browser = provider.browser()
    register(browser)
    with provider.database() as dbsession:
        dbsession.add(User("ada", claims={"email": "Ada@Example.com", "email_verified": True}))
    page = browser.get(letters(provider)[0].path).follow()
    late = page.forms["confirm"].submit(status=400)
    assert "There is already an account with this address." in late
    assert users(provider) == 1


def test_of_two_who_confirm_an_address_at_once_one_gets_it(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages, paths = [], set[str]()
    for _ in range(2):
        browser = provider.browser()
        register(browser)
        [path] = {mail.path for mail in letters(provider)} - paths
        paths.add(path)
        pages.append(browser.get(path).follow())
    both = Barrier(2)

    def find_both(*arguments: Any) -> Any:
        """Find the name free in both requests; on SQLite one waits for the other."""
        found = find_user(*arguments)
        with suppress(BrokenBarrierError):
            both.wait(2)
        return found

    monkeypatch.setattr("oidcserver.views.registration.find_user", find_both)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda it: it.forms["confirm"].submit(status="*"), pages))
    assert sorted(it.status_int for it in answers) == [303, 400]
    assert users(provider) == 1


def test_a_link_whose_sealing_key_is_gone_is_not_used_up(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = provider.browser()
    register(browser)
    page = browser.get(letters(provider)[0].path).follow()
    with monkeypatch.context() as patch:
        patch.setattr("oidcserver.views.registration.data_of", lambda *_: "")
        assert "does not work" in page.forms["confirm"].submit(status=400)
    assert page.forms["confirm"].submit().status_code == 303
    assert users(provider) == 1


def test_a_busy_server_asks_to_try_again(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(password: str) -> str:
        raise Busy(7)

    here, elsewhere = provider.browser(), provider.browser()
    register(here)
    page = elsewhere.get(letters(provider)[0].path).follow()
    page.forms["confirm"]["new_password"] = PASSWORD
    with monkeypatch.context() as patch:
        patch.setattr("oidcserver.views.mailed_links.hash_password", busy)
        patch.setattr("oidcserver.views.registration.hash_password", busy)
        for answer in (
            page.forms["confirm"].submit(status=503),
            fill(here.get("/register"), "bob@example.com", status=503),
        ):
            assert answer.headers["Retry-After"] == "7"
            assert "Please try again in" in answer
    assert page.forms["confirm"].submit().status_code == 303
