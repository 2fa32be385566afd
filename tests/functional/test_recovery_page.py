"""A user who forgot the password chooses a new one by mail; a signed-in user changes it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import webtest
from sqlalchemy import select
from support.app import Browser, Provider, follow_to_answer
from support.ending import end_everything
from support.factors import enter, set_up
from support.mailed import Letter, letters

from oidcserver.accounts import authentication, mailed_links
from oidcserver.accounts.passwords import Busy, hash_password
from oidcserver.interfaces import DirectoryUser
from oidcserver.models import Activity, Passkey, User
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

OLD, NEW = "the former words of ada", "other words of ada now"
ADDRESS = "ada@example.com"
PAGES = "home login consent logout account register recover password address leave mail"
HASH = hash_password(OLD)


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    """A provider with the user ada, who has a verified address."""
    provider: Provider = make_provider(
        oidc__pages=PAGES, oidc__user_directory="database", oidc__mails_per_address="20"
    )
    add(provider, "ada", {"email": ADDRESS, "email_verified": True})
    return provider


def add(provider: Provider, name: str, claims: dict[str, Any]) -> None:
    with provider.database() as dbsession:
        dbsession.add(User(name, password_hash=HASH, claims=claims))


def ask(browser: Browser, name: str, **submit: Any) -> webtest.TestResponse:
    """Ask for a new password."""
    form = browser.get("/recover").forms["recover"]
    form["name"] = name
    return form.submit(**submit)


def mails(provider: Provider, subject: str = "Choose a new password") -> list[Letter]:
    return [each for each in letters(provider) if each.subject == subject]


def choose(page: webtest.TestResponse, password: str = NEW, **submit: Any) -> webtest.TestResponse:
    form = page.forms["confirm"]
    form["new_password"] = password
    return form.submit(**submit)


def test_the_mail_says_how_long_it_works_and_the_page_for_which_account(
    provider: Provider,
) -> None:
    browser = provider.browser()
    ask(browser, ADDRESS)
    [mail] = mails(provider)
    assert "The link and the code work for 15 minutes." in mail.text
    assert "Account: <strong><bdi>ada</bdi></strong>" in browser.get(mail.path).follow()


@pytest.mark.parametrize(
    ("lifetime", "language", "sentence"),
    [
        ("1m", "en", "The link and the code work for one minute."),
        ("2h", "en", "The link and the code work for 2 hours."),
        ("30m", "de", "Der Link und der Code gelten 30 Minuten."),
        ("2h", "ar", "الرابط والرمز صالحان لمدة ساعتين."),
    ],
)
def test_the_time_is_told_in_the_language_of_the_user(
    make_provider: Any, lifetime: str, language: str, sentence: str
) -> None:
    provider = make_provider(
        oidc__pages=PAGES, oidc__user_directory="database", oidc__mailed_link_lifetime=lifetime
    )
    add(provider, "ada", {"email": ADDRESS, "email_verified": True})
    browser = provider.browser()
    browser.extra_environ["HTTP_ACCEPT_LANGUAGE"] = language
    ask(browser, ADDRESS)
    [mail] = letters(provider)
    assert sentence in mail.text


@pytest.mark.parametrize("name", ["ada", "ADA", ADDRESS, "Ada@Example.com"])
def test_the_user_chooses_a_new_password(provider: Provider, name: str) -> None:
    browser = provider.browser()
    page = browser.get("/login").click("Forgot your password?")
    form = page.forms["recover"]
    form["name"] = name
    form.submit().follow()
    [mail] = mails(provider)
    assert mail.to == ADDRESS
    done = choose(browser.get(mail.path).follow()).follow()
    assert "Your password was changed" in done
    with provider.database() as dbsession:
        assert dbsession.scalars(select(Activity.event)).all() == ["user_recovered"], "one line"
    assert provider.browser().sign_in("ada", OLD, status=403)
    assert provider.browser().sign_in("ada", NEW).status_code == 303
    assert [it.to for it in mails(provider, "Your password was changed")] == [ADDRESS]


def test_every_session_token_and_older_link_ends(provider: Provider) -> None:
    client, elsewhere = provider.register(), provider.browser()
    elsewhere.sign_in("ada", OLD)
    consent = client.authorize(elsewhere, scope="openid offline_access", prompt="consent")
    answer = client.answer(
        follow_to_answer(consent.forms["consent"].submit("decision", value="allow"))
    )
    tokens = client.exchange(answer["code"])
    browsers = [provider.browser(), provider.browser()]
    for browser in browsers:
        ask(browser, "ada")
    pages = [
        browser.get(mail.path).follow()
        for browser, mail in zip(browsers, mails(provider), strict=True)
    ]
    choose(pages[0])
    assert "/login" in elsewhere.get("/account").location
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"
    choose(pages[1], status=400)


def test_the_request_of_an_application_goes_on_in_the_same_browser(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    page = client.authorize(browser).click("Forgot your password?")
    form = page.forms["recover"]
    form["name"] = "ada"
    form.submit()
    page = choose(follow_to_answer(browser.get(mails(provider)[0].path))).follow()
    form = page.forms["login"]
    form["username"], form["password"] = "ada", NEW
    assert "consent" in follow_to_answer(form.submit()).forms


def test_the_page_after_the_form_leads_back_and_to_the_mail(provider: Provider) -> None:
    page = ask(provider.browser(), "ada").follow()
    assert "You entered <strong><bdi>ada</bdi></strong>." in page
    assert page.click("^Mail$").request.path == "/mail"
    assert "recover" in page.click("Request another email").forms


def test_a_used_link_leads_to_the_form(provider: Provider) -> None:
    browser = provider.browser()
    ask(browser, "ada")
    [mail] = mails(provider)
    page = choose(browser.get(mail.path).follow()).follow()
    assert "applications lost their access" in page
    page = browser.get(mail.path).follow()
    assert "This link does not work" in page
    assert "recover" in page.click("Request another email").forms


def test_the_rule_for_passwords_and_the_error_are_at_the_field(provider: Provider) -> None:
    browser = provider.browser()
    ask(browser, "ada")
    page = browser.get(mails(provider)[0].path).follow()
    assert "At least 15 characters." in page.html.find(id="new_password-help").get_text()
    page = choose(page, "short", status=400)
    assert "at least 15 characters" in page.html.find(id="new_password-error").get_text()
    assert page.html.find(role="alert") is None


@pytest.mark.parametrize("name", ["nobody", "nobody@example.com", "eve", "bob@example.com"])
def test_nobody_else_gets_a_mail_and_the_page_is_the_same(provider: Provider, name: str) -> None:
    add(provider, "eve", {"email": "eve@example.com"})
    add(provider, "bob", {"email": "bob@example.com", "email_verified": "true"})
    known, unknown = ask(provider.browser(), "ada"), ask(provider.browser(), name)
    assert (known.status_code, known.location) == (unknown.status_code, unknown.location)
    texts = [page.follow().html.main.get_text() for page in (known, unknown)]
    assert all(f"You entered {it}." in text for it, text in zip(("ada", name), texts, strict=True))
    texts = [text.replace(it, "") for it, text in zip(("ada", name), texts, strict=True)]
    assert texts[0] == texts[1]
    assert [mail.to for mail in letters(provider)] == [ADDRESS]


def test_an_account_without_a_password_gets_one_if_there_is_no_other_way_in(
    make_provider: Any,
) -> None:
    provider = make_provider(
        oidc__pages=PAGES, oidc__user_directory="database", oidc__second_factors="passkey"
    )
    add(provider, "ada", {"email": ADDRESS, "email_verified": True})
    with provider.database() as dbsession:
        user = dbsession.query(User).one()
        user.password_hash = None
        key = {"public_key": "x", "name": "Phone", "synchronised": True}
        dbsession.add(Passkey(credential_id="key", user_id=user.id, **key))
    browser = provider.browser()
    ask(browser, "ada")
    [mail] = letters(provider)
    assert mail.subject == "Your account has no password"
    assert mail.link.endswith("/login")
    assert "token" not in mail.text
    with provider.database() as dbsession:
        dbsession.delete(dbsession.query(Passkey).one())
    ask(browser, "ada")
    [mail] = mails(provider)
    choose(browser.get(mail.path).follow())
    assert provider.browser().sign_in("ada", NEW).status_code == 303


@pytest.mark.parametrize("column", ["disabled_at", "left_at"])
def test_a_disabled_user_or_one_who_left_gets_no_mail(provider: Provider, column: str) -> None:
    with provider.database() as dbsession:
        setattr(dbsession.query(User).one(), column, 1)
    ask(provider.browser(), "ada")
    assert letters(provider) == []


def test_another_users_name_in_the_form_changes_nothing_of_theirs(provider: Provider) -> None:
    add(provider, "bob", {"email": "bob@example.com", "email_verified": True})
    browser = provider.browser()
    ask(browser, "ada")
    form = browser.get(mails(provider)[0].path).follow().forms["confirm"]
    fields = {**dict(form.submit_fields()), "new_password": NEW, "name": "bob", "user_id": "bob"}
    browser.post("/confirm", fields)
    assert provider.browser().sign_in("bob", OLD).status_code == 303
    assert provider.browser().sign_in("ada", NEW).status_code == 303


def test_the_new_password_has_to_be_a_good_one(provider: Provider) -> None:
    browser = provider.browser()
    ask(browser, "ada")
    page = browser.get(mails(provider)[0].path).follow()
    again = choose(page, "short", status=400)
    assert "at least 15 characters" in again
    assert choose(again).status_code == 303, "the link was not used up"


def test_of_twelve_uses_at_once_one_sets_the_password(provider: Provider) -> None:
    ask(provider.browser(), "ada")
    path = mails(provider)[0].path
    forms = [provider.browser().get(path).follow().forms["confirm"] for _ in range(12)]
    for form in forms:
        form["new_password"] = NEW
    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda it: it.submit(expect_errors=True).status_code, forms))
    assert statuses.count(303) == 1
    assert set(statuses) <= {303, 400}


def test_the_page_without_a_link_sets_nothing(provider: Provider) -> None:
    browser = provider.browser()
    ask(browser, "ada")
    form = browser.get("/confirm").forms["enter-code"]
    fields = {**dict(form.submit_fields()), "new_password": NEW}
    browser.post("/confirm", fields, status=400)
    assert provider.browser().sign_in("ada", OLD).status_code == 303


def test_a_signed_in_user_changes_the_password(provider: Provider) -> None:
    here, there = provider.browser(), provider.browser()
    for browser in (here, there):
        browser.sign_in("ada", OLD)
    form = here.get("/account").click("Change your password").forms["password-form"]
    form["password"], form["new_password"] = "wrong", NEW
    assert "This is not your password" in form.submit(status=403)
    form["password"], form["new_password"] = OLD, "short"
    assert "at least 15 characters" in form.submit(status=400)
    form["password"], form["new_password"] = OLD, NEW
    assert "Your password was changed." in form.submit().follow()
    assert here.get("/account").status_code == 200
    assert "/login" in there.get("/account").location
    assert provider.browser().sign_in("ada", NEW).status_code == 303
    [notice] = mails(provider, "Your password was changed")
    assert notice.to == ADDRESS
    assert "If this was not you, reset your password immediately." in notice.text


def change_password(browser: Browser) -> webtest.TestResponse:
    form = follow_to_answer(browser.get("/account/password")).forms["password-form"]
    form["password"], form["new_password"] = OLD, NEW
    return form.submit()


def test_a_second_step_that_waits_ends_with_the_old_password(
    make_provider: Any, clock: Any
) -> None:
    provider = make_provider(
        oidc__pages=PAGES, oidc__user_directory="database", oidc__second_factors="totp"
    )
    add(provider, "ada", {"email": ADDRESS, "email_verified": True})
    ada, thief = provider.browser(), provider.browser()
    ada.sign_in("ada", OLD)
    app = set_up(ada)
    clock.advance(60)
    waiting = follow_to_answer(thief.sign_in("ada", OLD))
    assert "notice=password" in change_password(ada).location
    assert ada.get("/account").status_code == 200
    enter(waiting, app.code())
    assert "/login" in thief.get("/account").location


@pytest.mark.parametrize("grant", ["page", "password"])
def test_an_old_password_that_was_checked_before_the_change_signs_nobody_in(
    make_provider: Any, monkeypatch: pytest.MonkeyPatch, grant: str
) -> None:
    provider = make_provider(oidc__pages=PAGES, oidc__user_directory="database")
    add(provider, "ada", {"email": ADDRESS, "email_verified": True})
    client = provider.register(grant_types=["password"], response_types=[])
    ada, thief = provider.browser(), provider.browser()
    ada.sign_in("ada", OLD)
    find_account = authentication.account_of

    def overtaken(request: Any, user: DirectoryUser) -> Any:
        known = find_account(request, user)
        monkeypatch.setattr(authentication, "account_of", find_account)
        assert "notice=password" in change_password(ada).location
        return known

    monkeypatch.setattr(authentication, "account_of", overtaken)
    if grant == "page":
        thief.sign_in("ada", OLD, status=403)
        assert "/login" in thief.get("/account").location
    else:
        form = {"username": "ada", "password": OLD, "scope": "openid"}
        rejected = client.token(grant_type="password", status=400, **form)
        assert rejected.json["error"] == "invalid_grant"


def test_an_account_without_a_password_cannot_change_it(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in("ada", OLD)
    form = browser.get("/account").click("Change your password").forms["password-form"]
    with provider.database() as dbsession:
        dbsession.scalars(select(User)).one().password_hash = None
    assert "Change your password" not in browser.get("/account")
    page = browser.get("/account/password", status=200)
    assert "Your account has no password." in page
    assert "password-form" not in page.forms
    form["password"], form["new_password"] = OLD, NEW
    assert "Your account has no password." in form.submit(status=400)
    with provider.database() as dbsession:
        assert dbsession.scalars(select(User)).one().password_hash is None


def test_a_signed_in_user_changes_the_address(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in("ada", OLD)
    form = browser.get("/account").click("Change your email address").forms["address-form"]
    form["address"] = "nonsense"
    assert "Enter your email address" in form.submit(status=400)
    form["address"] = "ada@new.example"
    form.submit()
    assert ADDRESS in browser.get("/account"), "it is not confirmed"
    [mail] = mails(provider, "Confirm your new email address")
    assert mail.to == "ada@new.example"
    page = browser.get(mail.path).follow()
    assert "Account: <strong><bdi>ada</bdi>" in page
    assert "New email address: <strong><bdi>ada@new.example</bdi>" in page
    done = page.forms["confirm"].submit().follow()
    assert "ada@new.example" in done
    [told] = mails(provider, "Your email address was changed")
    assert told.to == ADDRESS
    assert f"account ada was changed from {ADDRESS} to ada@new.example." in " ".join(
        told.text.split()
    )
    ask(provider.browser(), ADDRESS)
    assert mails(provider) == []
    ask(provider.browser(), "ada@new.example")
    assert len(mails(provider)) == 1


def test_a_new_address_ends_sign_ins_by_a_mail_to_the_old_one(
    make_provider: Any, clock: Any
) -> None:
    provider = make_provider(
        oidc__pages=PAGES,
        oidc__user_directory="database",
        oidc__first_factors="email_link",
        oidc__second_factors="totp",
    )
    add(provider, "ada", {"email": ADDRESS, "email_verified": True})
    ada, thief = provider.browser(), provider.browser()
    ada.sign_in("ada", OLD)
    app = set_up(ada)
    clock.advance(60)
    form = thief.get("/login/email-link").forms["email-link"]
    form["name"] = "ada"
    form.submit()
    [mail] = mails(provider, "Sign in")
    waiting = follow_to_answer(thief.get(mail.path).follow().forms["confirm"].submit())
    form = ada.get("/account/address").forms["address-form"]
    form["address"] = "ada@new.example"
    form.submit()
    [mail] = mails(provider, "Confirm your new email address")
    ada.get(mail.path).follow().forms["confirm"].submit()
    assert ada.get("/account").status_code == 200
    enter(waiting, app.code())
    assert "/login" in thief.get("/account").location


@pytest.mark.parametrize("end", ["everything", "sessions", "disabled"])
def test_the_link_to_a_new_address_ends_with_all_sessions(provider: Provider, end: str) -> None:
    thief = provider.browser()
    thief.sign_in("ada", OLD)
    form = thief.get("/account/address").forms["address-form"]
    form["address"] = "mallory@new.example"
    form.submit()
    [mail] = mails(provider, "Confirm your new email address")
    page = thief.get(mail.path).follow()
    if end == "sessions":
        ada = provider.browser()
        ada.sign_in("ada", OLD)
        ada.get("/account/sessions?session=all").forms["confirm"].submit("session")
    elif end == "everything":
        end_everything(provider, "ada")
    else:
        with provider.database() as dbsession:
            dbsession.query(User).one().disabled_at = 1
    assert "does not work" in page.forms["confirm"].submit(status=400)
    page = provider.browser().get(mail.path).follow()
    assert "does not work" in page
    assert page.html.find("a", string="Request another email")["href"].endswith("/account/address")
    with provider.database() as dbsession:
        assert dbsession.query(User).one().claims["email"] == ADDRESS


def test_the_code_of_a_mail_that_was_not_sent_sets_no_password(
    make_provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = make_provider(
        oidc__pages=PAGES, oidc__user_directory="database", oidc__mails_per_address="1"
    )
    add(provider, "ada", {"email": ADDRESS, "email_verified": True})
    ask(provider.browser(), "ada")
    monkeypatch.setattr(mailed_links.secrets, "randbelow", lambda limit: 12345678)
    form = ask(provider.browser(), ADDRESS).follow().forms["enter-code"]
    form["code"] = "12345678"
    form.submit(status=400)


def test_a_user_whose_name_is_the_address_is_renamed_with_it(provider: Provider) -> None:
    add(provider, "eve@example.com", {"email": "eve@example.com", "email_verified": True})
    browser = provider.browser()
    browser.sign_in("eve@example.com", OLD)
    form = browser.get("/account/address").forms["address-form"]
    form["address"] = "eve@new.example"
    form.submit()
    [mail] = mails(provider, "Confirm your new email address")
    browser.get(mail.path).follow().forms["confirm"].submit()
    [told] = mails(provider, "Your email address was changed")
    words = "account eve@example.com was changed from eve@example.com to eve@new.example."
    assert words in " ".join(told.text.split())
    assert provider.browser().sign_in("eve@new.example", OLD).status_code == 303
    provider.browser().sign_in("eve@example.com", OLD, status=403)


def test_a_user_exports_the_data_and_deletes_the_account(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    browser.sign_in("ada", OLD)
    consent = client.authorize(browser, scope="openid offline_access", prompt="consent")
    answer = client.answer(
        follow_to_answer(consent.forms["consent"].submit("decision", value="allow"))
    )
    tokens = client.exchange(answer["code"])
    page = browser.get("/account").click("Your data")
    data = page.click("Download your data").json
    assert data["username"] == "ada"
    assert data["claims"]["email"] == ADDRESS
    assert data["applications"][0]["client_id"] == client.client_id
    assert "password_hash" not in str(data)
    assert HASH not in str(data)
    page = page.click("Delete the account ada")
    assert "the account cannot be restored" in page
    page = page.forms["confirm"].submit("remove").follow()
    assert "Your account was deleted." in page
    [mail] = mails(provider, "Your account was deleted")
    assert mail.to == ADDRESS
    assert "The account ada was deleted." in mail.text
    assert "/login" in browser.get("/account").location
    browser.sign_in("ada", OLD, status=403)
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"


def test_sensitive_pages_ask_for_a_recent_sign_in(provider: Provider, clock: Any) -> None:
    browser = provider.browser()
    browser.sign_in("ada", OLD)
    clock.advance(301)
    for path in ("/account/address", "/account/leave", "/account/export"):
        assert "/login?" in browser.get(path).location
    # The form of the password asks for it.
    assert "password-form" in browser.get("/account/password").forms


def test_the_pages_need_passwords_of_ours(make_provider: Any) -> None:
    with pytest.raises(ConfigurationProblem, match="have no passwords here"):
        make_provider(
            oidc__pages=PAGES,
            oidc__user_directory="people",
            oidcserver__includes="support.people_plugin",
        )


def ask_for_address(browser: Browser, address: str) -> webtest.TestResponse:
    """Enter a new address; return the page of the link that comes."""
    form = browser.get("/account/address").forms["address-form"]
    form["address"] = address
    before = letters(browser.provider)
    form.submit()
    [mail] = (it for it in letters(browser.provider) if it not in before)
    return browser.get(mail.path).follow()


def test_an_address_whose_sealing_key_is_gone_stays_as_it_is(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = provider.browser()
    browser.sign_in("ada", OLD)
    page = ask_for_address(browser, "ada@new.example")
    with monkeypatch.context() as patch:
        patch.setattr("oidcserver.views.own_address.data_of", lambda *_: "")
        assert "does not work" in page.forms["confirm"].submit(status=400)
    assert page.forms["confirm"].submit().status_code == 303


def test_of_two_users_who_take_an_address_at_once_one_gets_the_name(provider: Provider) -> None:
    for number in range(4):
        wanted, pages = f"both{number}@example.com", []
        for name in (f"bob{number}@example.com", f"eve{number}@example.com"):
            add(provider, name, {"email": name, "email_verified": True})
            browser = provider.browser()
            browser.sign_in(name, OLD)
            pages.append(ask_for_address(browser, wanted))
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda it: it.forms["confirm"].submit(status="*"), pages))
        assert [it.status_int for it in answers] == [303, 303]
        with provider.database() as dbsession:
            users = dbsession.scalars(select(User)).all()
            assert [it.username for it in users].count(wanted) == 1
            assert [it.claims["email"] for it in users].count(wanted) == 2


def test_a_busy_server_asks_to_try_again(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(password: str) -> str:
        raise Busy(7)

    browser = provider.browser()
    browser.sign_in("ada", OLD)
    form = browser.get("/account/password").forms["password-form"]
    form["password"], form["new_password"] = OLD, NEW
    with monkeypatch.context() as patch:
        patch.setattr("oidcserver.views.own_password.hash_password", busy)
        answer = form.submit(status=503)
    assert answer.headers["Retry-After"] == "7"
    assert form.submit().status_code == 303
