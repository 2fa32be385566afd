"""Signing in by a link in a mail or by its code: in the browser where it was asked for, once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import webtest
from sqlalchemy import select
from support.app import Browser, Provider, decode_id_token, follow_to_answer
from support.changed_client import register_redirect_uris
from support.digits import in_arabic
from support.ending import end_everything
from support.factors import enrolled, enter
from support.mailed import Letter, letters
from support.upstream import Upstream

from oidcserver.accounts import mailed_links
from oidcserver.accounts.passwords import hash_password
from oidcserver.models import MailedLink, UpstreamLink, User
from oidcserver.models.user import find_user
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

PASSWORD = "the former words of ada"
ADDRESS = "ada@example.com"
SETTINGS = {
    "oidc__pages": "home login consent logout account recover mail password leave",
    "oidc__user_directory": "database",
    "oidc__first_factors": "email_link",
    "oidc__mails_per_address": "20",
}
HASH = hash_password(PASSWORD)


def add(provider: Provider, name: str, address: str | None, **columns: Any) -> str:
    claims = {} if address is None else {"email": address, "email_verified": True}
    with provider.database() as dbsession:
        user = User(name, **{"password_hash": HASH, "claims": claims, **columns})
        dbsession.add(user)
        dbsession.flush()
        return user.id


@pytest.fixture
def make(make_provider: Any) -> Any:
    def make_with_ada(**settings: Any) -> Provider:
        provider: Provider = make_provider(**{**SETTINGS, **settings})
        add(provider, "ada", ADDRESS)
        return provider

    return make_with_ada


@pytest.fixture
def provider(make: Any) -> Provider:
    """A provider with the user ada, who has a verified address."""
    made: Provider = make()
    return made


def ask(page: webtest.TestResponse, name: str = "ada", **submit: Any) -> webtest.TestResponse:
    """Ask for a link on the login page."""
    form = page.click("Email me a link").forms["email-link"]
    form["name"] = name
    return form.submit(**submit)


def asked(browser: Browser, name: str = "ada") -> Letter:
    """Ask for a link, and return the mail that comes."""
    before = letters(browser.provider)
    ask(browser.get("/login"), name)
    [mail] = (it for it in letters(browser.provider) if it not in before)
    return mail


def is_signed_in(browser: Browser) -> bool:
    return "/login" not in (browser.get("/account").location or "")


@pytest.mark.parametrize("name", ["ada", "ADA", ADDRESS, "Ada@Example.com"])
def test_the_link_signs_in_the_browser_that_asked_for_it_once(
    provider: Provider, name: str
) -> None:
    browser = provider.browser()
    mail = asked(browser, name)
    assert mail.to == ADDRESS
    assert "A sign-in to the account ada was requested." in mail.text
    for _ in range(2):
        page = browser.get(mail.path).follow()
        browser.head(mail.path)
        assert not is_signed_in(browser), "to look at it changes nothing"
    assert "token" not in page.request.url
    page.forms["confirm"].submit()
    assert "ada" in browser.get("/account")
    assert "does not work" in browser.get(mail.path).follow()


def test_the_mail_is_in_the_language_of_the_user(provider: Provider) -> None:
    browser = provider.browser()
    browser.extra_environ["HTTP_ACCEPT_LANGUAGE"] = "de"
    form = browser.get("/login/email-link").forms["email-link"]
    form["name"] = "ada"
    form.submit()
    [mail] = letters(provider)
    assert mail.subject == "Anmelden"
    assert "Eine Anmeldung beim Konto ada wurde angefordert." in mail.text


def test_the_code_signs_in_the_browser_that_asked_for_it(provider: Provider) -> None:
    browser = provider.browser()
    page = ask(browser.get("/login")).follow()
    form = page.forms["enter-code"]
    code = letters(provider)[-1].code
    form["code"] = "00000000" if code != "0000 0000" else "1111 1111"
    again = form.submit(status=400)
    again.forms["enter-code"]["code"] = code
    again.forms["enter-code"].submit().follow().forms["confirm"].submit()
    assert is_signed_in(browser)


def test_another_browser_is_not_signed_in_and_uses_nothing_up(provider: Provider) -> None:
    browser, other = provider.browser(), provider.browser()
    mail = asked(browser)
    page = other.get(mail.path).follow()
    assert "only in the browser where you requested it" in page
    assert "confirm" not in page.forms
    assert "email-link" in page.click("Request an email in this browser").forms
    token = other.get("/login").forms["login"]["csrf_token"].value
    other.post("/confirm", {"csrf_token": token}, status=403)
    other.post("/confirm", {"csrf_token": token, "code": mail.code}, status=403)
    assert not is_signed_in(other)
    browser.get(mail.path).follow().forms["confirm"].submit()
    assert is_signed_in(browser)


def test_the_code_is_of_no_use_in_another_browser(provider: Provider) -> None:
    mail = asked(provider.browser())
    other = provider.browser()
    ask(other.get("/login"), "nobody")
    form = other.get("/confirm").forms["enter-code"]
    form["code"] = mail.code
    form.submit(status=400)


@pytest.mark.parametrize("name", ["nobody", "nobody@example.com", "eve", "off"])
def test_the_answer_does_not_tell_whether_there_is_an_account(
    provider: Provider, name: str
) -> None:
    add(provider, "eve", None)
    add(provider, "off", "off@example.com", disabled_at=1)
    add(provider, "left", "left@example.com", left_at=1)
    known, unknown = (ask(provider.browser().get("/login"), it) for it in ("ada", name))
    assert (known.status_code, known.location) == (unknown.status_code, unknown.location)
    texts = [page.follow().html.main.get_text() for page in (known, unknown)]
    assert all(f"You entered {it}." in text for it, text in zip(("ada", name), texts, strict=True))
    texts = [text.replace(it, "") for it, text in zip(("ada", name), texts, strict=True)]
    assert texts[0] == texts[1]
    assert [mail.to for mail in letters(provider)] == [ADDRESS]


def test_it_says_how_the_user_signed_in_and_the_request_goes_on(make: Any) -> None:
    provider = make(oidc__acr_methods="mail: email_link\n1: password")
    client, browser = provider.register(), provider.browser()
    page = client.authorize(browser)
    ask(page)
    page = follow_to_answer(browser.get(letters(provider)[-1].path))
    answer = client.answer(client.complete(follow_to_answer(page.forms["confirm"].submit())))
    claims = decode_id_token(provider, client.exchange(answer["code"])["id_token"])
    assert (claims["acr"], claims["amr"]) == ("mail", ["email"])
    page = client.authorize(browser, acr_values="1")
    assert page.forms["login"]["username"].value == "ada"
    form = page.forms["login"]
    form["password"] = PASSWORD
    answer = client.answer(client.complete(follow_to_answer(form.submit())))
    claims = decode_id_token(provider, client.exchange(answer["code"])["id_token"])
    assert (claims["acr"], claims["amr"]) == ("1", ["pwd"])


def test_a_recent_sign_in_by_a_link_satisfies_max_age(provider: Provider, clock: Any) -> None:
    client, browser = provider.register(), provider.browser()
    browser.sign_in("ada", PASSWORD)
    clock.advance(400)
    page = client.authorize(browser, max_age="300")
    ask(page)
    page = follow_to_answer(browser.get(letters(provider)[-1].path))
    answer = client.answer(client.complete(follow_to_answer(page.forms["confirm"].submit())))
    claims = decode_id_token(provider, client.exchange(answer["code"])["id_token"])
    assert claims["amr"] == ["email"]


def test_a_second_factor_is_asked_for_afterwards(make: Any, clock: Any) -> None:
    provider = make(oidc__second_factors="totp", oidc__user_directory="demo")
    with provider.database() as dbsession:
        user = find_user(dbsession, "ada")
        assert user is not None
        user.password_hash = None  # so that the demo directory lets ada in with its password
    _, app = enrolled(provider, clock, "ada")
    client, browser = provider.register(), provider.browser()
    ask(client.authorize(browser))
    page = follow_to_answer(browser.get(letters(provider)[-1].path))
    page = follow_to_answer(page.forms["confirm"].submit())
    assert "Enter the code that your app shows" in page
    assert not is_signed_in(browser)
    answer = client.answer(client.complete(follow_to_answer(enter(page, app.code()))))
    claims = decode_id_token(provider, client.exchange(answer["code"])["id_token"])
    assert (claims["acr"], claims["amr"]) == ("2", ["email", "otp", "mfa"])


def test_it_ends_with_time_a_new_password_and_the_end_of_everything(
    provider: Provider, clock: Any
) -> None:
    browser = provider.browser()
    mail = asked(browser)
    clock.advance(601)
    assert "does not work" in browser.get(mail.path).follow()

    mail = asked(browser)
    other = provider.browser()
    other.sign_in("ada", PASSWORD)
    form = other.get("/account/password").forms["password-form"]
    form["password"], form["new_password"] = PASSWORD, "other words of ada now"
    form.submit()
    assert "does not work" in browser.get(mail.path).follow()

    mail = asked(browser)
    page = browser.get(mail.path).follow()
    end_everything(provider, "ada")
    assert "does not work" in page.forms["confirm"].submit(status=400)
    assert not is_signed_in(browser)


@pytest.mark.parametrize("column", ["disabled_at", "left_at"])
def test_a_disabled_user_or_one_who_left_is_not_signed_in(provider: Provider, column: str) -> None:
    browser = provider.browser()
    page = browser.get(asked(browser).path).follow()
    with provider.database() as dbsession:
        user = find_user(dbsession, "ada")
        assert user is not None
        setattr(user, column, 1)
    page.forms["confirm"].submit(status=400)
    assert not is_signed_in(browser)


def test_a_user_of_an_upstream_alone_is_told_how_to_sign_in(make: Any) -> None:
    upstream = Upstream()
    provider = make(**upstream.settings())
    user_id = add(provider, "eve", "eve@example.com", password_hash=None)
    browser = provider.browser()
    link = {"user_id": user_id, "upstream": "other", "subject": "y"}
    with provider.database() as dbsession:
        dbsession.add(UpstreamLink(**link, issuer="https://it.was.example"))
    assert "token" in asked(browser, "eve").link, "a link that cannot be used does not count"
    with provider.database() as dbsession:
        dbsession.add(UpstreamLink(**link, issuer=upstream.issuer))
    asked(browser, "eve")
    [mail] = [it for it in letters(provider) if it.subject == "Sign in another way"]
    assert "token" not in mail.link
    upstream.close()


def test_of_twelve_uses_at_once_one_signs_in(provider: Provider) -> None:
    browser = provider.browser()
    fields = dict(browser.get(asked(browser).path).follow().forms["confirm"].submit_fields())
    cookies = dict(browser.cookies)

    def attempt(_number: int) -> int:
        twin = provider.browser()
        for name, value in cookies.items():
            twin.set_cookie(name, value.strip('"'))
        return int(twin.post("/confirm", fields, expect_errors=True).status_code)

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(attempt, range(12)))
    assert sorted(statuses) == [303, *[400] * 11]


def test_a_mailbox_and_a_network_get_so_many_mails(make: Any) -> None:
    provider = make(oidc__mails_per_address="2", oidc__mails_per_network="4")
    answers = [ask(provider.browser().get("/login"), it) for it in ("ada", "ada", "ada", "bob")]
    assert len(letters(provider)) == 2
    assert len({answer.location for answer in answers}) == 1, "nothing tells so"
    ask(provider.browser().get("/login"), status=429)
    ask(provider.browser().get("/login"), "", status=400)


def test_spellings_and_names_of_one_mailbox_share_its_limit(make: Any) -> None:
    provider = make(oidc__mails_per_address="2")
    for name in ("ada", "ADA", "\uff41da", ADDRESS, "Ada@Example.com"):
        ask(provider.browser().get("/login"), name)
    assert len(letters(provider)) == 2


def test_the_code_of_a_mail_that_was_not_sent_does_not_work(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = make(oidc__mails_per_address="1")
    asked(provider.browser())
    monkeypatch.setattr(mailed_links.secrets, "randbelow", lambda limit: 12345678)
    browser = provider.browser()
    form = ask(browser.get("/login")).follow().forms["enter-code"]
    form["code"] = "12345678"
    assert "This code is wrong" in form.submit(status=400)
    with provider.database() as dbsession:
        rows = dbsession.scalars(select(MailedLink)).all()
        assert sorted(row.user_id is None for row in rows) == [False, True]


def test_wrong_codes_count_for_the_account_over_all_its_mails(make: Any) -> None:
    provider = make(oidc__mailed_codes_per_account="4")
    add(provider, "eve", "eve@example.com")
    for _ in range(2):
        form = ask(provider.browser().get("/login")).follow().forms["enter-code"]
        for _ in range(2):
            form["code"] = "123"
            form.submit(status=400)
    browser = provider.browser()
    mail = asked(browser)
    form = browser.get("/confirm").forms["enter-code"]
    form["code"] = "123"
    wrong = form.submit(status=400)
    form["code"] = mail.code
    assert form.submit(status=400).html.main.get_text() == wrong.html.main.get_text()
    browser.get(mail.path).follow().forms["confirm"].submit()
    assert is_signed_in(browser), "the link still works"
    other = provider.browser()
    mail = asked(other, "eve")
    form = other.get("/confirm").forms["enter-code"]
    form["code"] = mail.code
    assert form.submit().status_code == 303, "other accounts have their own limit"


def test_right_codes_do_not_count_for_the_account(make: Any) -> None:
    provider = make(oidc__mailed_codes_per_account="1")
    for _ in range(2):
        browser = provider.browser()
        mail = asked(browser)
        form = browser.get("/confirm").forms["enter-code"]
        form["code"] = mail.code
        assert form.submit().status_code == 303


def test_two_accounts_of_one_address_get_a_code_each_and_the_answer_is_the_same(
    provider: Provider,
) -> None:
    add(provider, "ada2", ADDRESS)
    add(provider, "bob", "bob@example.com")
    for account in ("ada", "ada2"):
        browser, before = provider.browser(), letters(provider)
        answer = ask(browser.get("/login"), ADDRESS)
        cookies = [it.split("=")[0] for it in answer.headers.getall("Set-Cookie")]
        [mail] = [
            it
            for it in letters(provider)
            if it not in before and f"the account {account} " in it.text
        ]
        form = browser.get("/confirm").forms["enter-code"]
        form["code"] = mail.code
        form.submit().follow().forms["confirm"].submit()
        assert browser.get("/account/export").json["username"] == account
        other = ask(provider.browser().get("/login"), "bob")
        assert cookies == [it.split("=")[0] for it in other.headers.getall("Set-Cookie")]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"oidc__user_directory": "people", "oidcserver__includes": "support.people_plugin"},
            "the users of oidc.user_directory = people have no passwords here",
        ),
        ({"oidc__pages": "home consent logout mail"}, "needs the page login"),
        (
            {
                "oidc__pages": "home login consent logout",
                "oidcserver__mode": "production",
                "oidc__issuer": "https://login.example",
            },
            "set oidc.mail_url and oidc.mail_from",
        ),
    ],
)
def test_it_needs_mail_accounts_and_the_login_page(
    make_provider: Any, settings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem, match=sentence):
        make_provider(**{**SETTINGS, **settings})


def test_what_is_not_selected_is_not_there(make_provider: Any) -> None:
    browser = make_provider().browser()
    assert "Email me a link" not in browser.get("/login")
    browser.get("/login/email-link", status=404)


def test_a_client_that_changed_meanwhile_does_not_use_the_link_up(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    ask(client.authorize(browser))
    page = follow_to_answer(browser.get(letters(provider)[-1].path))
    own = client.client.redirect_uris
    register_redirect_uris(provider, client, "https://client.example/other")
    assert "redirect_uri" in follow_to_answer(page.forms["confirm"].submit())
    assert not is_signed_in(browser)
    register_redirect_uris(provider, client, *own)
    assert "code" in client.answer(
        client.complete(follow_to_answer(page.forms["confirm"].submit()))
    )


def test_accounts_of_one_mailbox_count_once_for_a_request(make: Any) -> None:
    provider = make(oidc__mails_per_address="1")
    add(provider, "ada2", ADDRESS)
    ask(provider.browser().get("/login"), ADDRESS)
    assert len(letters(provider)) == 2
    ask(provider.browser().get("/login"), ADDRESS)
    assert len(letters(provider)) == 2


def test_the_digits_of_a_code_may_be_those_of_another_script(provider: Provider) -> None:
    browser = provider.browser()
    mail = asked(browser)
    form = browser.get("/confirm").forms["enter-code"]
    form["code"] = in_arabic(mail.code)
    form.submit().follow().forms["confirm"].submit()
    assert is_signed_in(browser)
