"""Authenticator apps and recovery codes: set up, used at the sign-in, lost."""

import base64
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import webtest
from click.testing import CliRunner
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import select, update
from support.app import Browser, Provider, decode_id_token, follow_to_answer
from support.authenticator import Authenticator, passkey_form
from support.changed_client import register_redirect_uris
from support.digits import in_arabic
from support.ending import end_everything
from support.factors import App, codes, count, enrolled, enter, second_step
from support.mailed import letters

from oidcserver import clock as oidcserver_clock
from oidcserver.cli import main
from oidcserver.models import (
    AuthenticatorApp,
    LoginSession,
    Passkey,
    PendingSignIn,
    RecoveryCode,
    User,
)
from oidcserver.models.user import find_user
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

SETTINGS = {"oidc__second_factors": "totp recovery_codes"}


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    provider: Provider = make_provider(**SETTINGS)
    return provider


def test_a_sign_in_needs_the_code_too(provider: Provider, clock: Any) -> None:
    _, app = enrolled(provider, clock)
    before = count(provider, LoginSession)
    browser = provider.browser()
    page = second_step(browser)
    assert "Enter the code that your app shows" in page
    assert "/login" in browser.get("/account").location
    assert count(provider, LoginSession) == before
    enter(page, app.code())
    assert browser.get("/account").status_code == 200


def test_before_the_code_there_is_no_session_for_an_application(
    provider: Provider, clock: Any
) -> None:
    enrolled(provider, clock)
    client, browser = provider.register(), provider.browser()
    second_step(browser)
    answer = client.answer(client.authorize(browser, prompt="none"))
    assert answer["error"] == "login_required"
    assert "login" in client.authorize(browser).forms


def test_the_id_token_says_how_the_user_signed_in(provider: Provider, clock: Any) -> None:
    _, app = enrolled(provider, clock)
    client, browser = provider.register(), provider.browser()
    page = client.authorize(browser)
    form = page.forms["login"]
    form["username"], form["password"] = "alice", "valid"
    page = follow_to_answer(form.submit())
    consent = follow_to_answer(enter(page, app.code()))
    answer = client.answer(
        follow_to_answer(consent.forms["consent"].submit("decision", value="allow"))
    )
    claims = decode_id_token(provider, client.exchange(answer["code"])["id_token"])
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    assert claims["acr"] == "2"


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_the_clock_of_the_app_may_differ_by_a_step(
    provider: Provider, clock: Any, steps: int
) -> None:
    _, app = enrolled(provider, clock)
    assert enter(second_step(provider.browser()), app.code(steps)).status_code == 303


@pytest.mark.parametrize("steps", [-3, 3])
def test_it_may_not_differ_by_more(provider: Provider, clock: Any, steps: int) -> None:
    _, app = enrolled(provider, clock)
    enter(second_step(provider.browser()), app.code(steps), status=403)


def test_the_digits_of_a_code_may_be_those_of_another_script(
    provider: Provider, clock: Any
) -> None:
    browser, app = enrolled(provider, clock)
    assert enter(second_step(provider.browser()), in_arabic(app.code())).status_code == 303
    code = next(it for it in codes(browser) if any(map(str.isdigit, it)))
    page = second_step(provider.browser()).click("Use instead: Recovery code")
    assert enter(page, in_arabic(code)).status_code == 303


def test_a_client_that_changed_meanwhile_costs_the_user_no_code(
    provider: Provider, clock: Any
) -> None:
    browser, app = enrolled(provider, clock)
    code, own = codes(browser)[0], provider.browser()
    client = provider.register()
    form = client.authorize(own).forms["login"]
    form["username"], form["password"] = "alice", "valid"
    page = follow_to_answer(form.submit())
    pages = {app.code(): page, code: page.click("Use instead: Recovery code")}
    uris = client.client.redirect_uris
    register_redirect_uris(provider, client, "https://client.example/other")
    for each, shown in pages.items():
        assert "redirect_uri" in follow_to_answer(enter(shown, each))
    assert count(provider, RecoveryCode) == 10
    register_redirect_uris(provider, client, *uris)
    assert "consent" in follow_to_answer(enter(page, app.code())).forms


def test_a_code_with_a_space_is_accepted(provider: Provider, clock: Any) -> None:
    _, app = enrolled(provider, clock)
    code = app.code()
    assert enter(second_step(provider.browser()), f" {code[:3]} {code[3:]} ").status_code == 303


def test_a_code_and_those_before_it_work_once(provider: Provider, clock: Any) -> None:
    _, app = enrolled(provider, clock)
    earlier, code = app.code(-1), app.code()
    enter(second_step(provider.browser()), code)
    for used in (code, earlier):
        assert "This code is wrong, or was used before." in enter(
            second_step(provider.browser()), used, status=403
        )


def test_of_twelve_with_one_code_one_signs_in(provider: Provider, clock: Any) -> None:
    _, app = enrolled(provider, clock)
    code, before = app.code(), count(provider, LoginSession)
    pages = [second_step(provider.browser()) for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda it: enter(it, code, expect_errors=True).status_code, pages))
    assert statuses.count(303) == 1
    assert count(provider, LoginSession) == before + 1


def test_codes_cannot_be_guessed_also_by_signing_in_again(make_provider: Any, clock: Any) -> None:
    provider = make_provider(**SETTINGS, oidc__second_factor_attempts="4")
    browser, app = enrolled(provider, clock)
    recovery = codes(browser)
    for _ in range(2):
        page = second_step(provider.browser())
        enter(page, "000000", status=403)
        other = page.click("Use instead: Recovery code")
        enter(other, "aaaaa-aaaaa", status=403)
    page = second_step(provider.browser())
    assert int(enter(page, app.code(), status=429).headers["Retry-After"]) > 0
    enter(page.click("Use instead: Recovery code"), recovery[0], status=429)
    clock.advance(901)
    assert enter(second_step(provider.browser()), app.code()).status_code == 303


def test_a_thief_of_the_password_does_not_lock_the_users_own_browser_out(
    make_provider: Any, clock: Any, tmp_path: Any, provider_url: str, keys_directory: Any
) -> None:
    provider = make_provider(**SETTINGS, oidc__second_factor_attempts="2")
    own, app = enrolled(provider, clock)
    own.get("/logout").forms["logout"].submit()
    for status in (403, 403, 429):
        enter(second_step(provider.browser()), "000000", status=status)
    enter(second_step(provider.browser()), app.code(), status=429)
    page = second_step(own)
    enter(page, "000000", status=403)
    assert enter(page, app.code()).status_code == 303
    # It has the same limit, and a success there does not reset that of the others.
    own.get("/logout").forms["logout"].submit()
    for status in (403, 403, 429):
        enter(second_step(own), "000000", status=status)
    enter(second_step(provider.browser()), app.code(2), status=429)
    ini = ini_of(provider, tmp_path, provider_url, keys_directory)
    done = CliRunner().invoke(main, ["users", "unlock", str(ini), "alice"])
    assert "Unlocked alice." in done.output
    clock.advance(60)
    for browser in (own, provider.browser()):
        assert enter(second_step(browser), app.code()).status_code == 303
        clock.advance(30)


def test_the_second_step_has_to_follow_in_time(provider: Provider, clock: Any) -> None:
    _, app = enrolled(provider, clock)
    page = second_step(provider.browser())
    clock.advance(301)
    assert "/login" in enter(page, app.code()).location


def test_the_end_of_everything_ends_the_wait(provider: Provider, clock: Any) -> None:
    _, app = enrolled(provider, clock)
    page = second_step(provider.browser())
    end_everything(provider)
    assert "/login" in enter(page, app.code()).location


def test_signing_out_ends_the_wait(provider: Provider, clock: Any) -> None:
    _, app = enrolled(provider, clock)
    browser = provider.browser()
    browser.sign_in("bob")
    form = browser.get("/login?again=1").forms["login"]
    form["username"], form["password"] = "alice", "valid"
    page = follow_to_answer(form.submit())
    browser.get("/logout").forms["logout"].submit()
    assert "/login" in enter(page, app.code()).location


def test_the_wait_belongs_to_one_browser(provider: Provider, clock: Any) -> None:
    enrolled(provider, clock)
    second_step(provider.browser())
    assert "/login" in provider.browser().get("/login/totp").location


def test_another_users_code_signs_nobody_in(provider: Provider, clock: Any) -> None:
    enrolled(provider, clock)
    _, bobs = enrolled(provider, clock, "bob")
    enter(second_step(provider.browser()), bobs.code(), status=403)


def test_the_password_grant_cannot_go_round_it(provider: Provider, clock: Any) -> None:
    client = provider.register(grant_types=["password"], redirect_uris=[], response_types=[])
    form = {"grant_type": "password", "username": "alice", "password": "valid"}
    assert client.token(**form).json["access_token"]
    enrolled(provider, clock)
    refused = client.token(status=400, **form).json
    assert refused["error"] == "invalid_grant"
    assert "second factor" in refused["error_description"]


def test_a_new_password_does_not_go_round_it(make_provider: Any, clock: Any) -> None:
    provider = make_provider(
        **SETTINGS, oidc__pages="home login consent logout account recover mail"
    )
    _, app = enrolled(provider, clock)
    with provider.database() as dbsession:
        user = find_user(dbsession, "alice")
        assert user is not None
        user.password_hash = "none"
        user.claims = {"email": "alice@example.com", "email_verified": True}
    browser = provider.browser()
    form = browser.get("/recover").forms["recover"]
    form["name"] = "alice"
    form.submit()
    [mail] = letters(provider)
    form = browser.get(mail.path).follow().forms["confirm"]
    form["new_password"] = "other words of alice now"
    form.submit()
    assert "/login" in browser.get("/account").location
    page = follow_to_answer(browser.sign_in("alice", "other words of alice now"))
    assert page.request.path == "/login/totp"
    enter(page, app.code())
    assert browser.get("/account").status_code == 200


def test_a_user_is_told_of_each_change_by_mail(make_provider: Any, clock: Any) -> None:
    provider = make_provider(**SETTINGS, oidc__pages="home login consent logout account mail")
    provider.browser().sign_in()
    with provider.database() as dbsession:
        user = find_user(dbsession, "alice")
        assert user is not None
        user.claims = {"email": "alice@example.com", "email_verified": True}
    browser, app = enrolled(provider, clock)
    recovery = codes(browser)
    page = second_step(provider.browser()).click("Use instead: Recovery code")
    enter(page, recovery[0])
    browser.get("/account/totp?remove=1").forms["confirm"].submit("remove")
    told = letters(provider)
    assert {mail.to for mail in told} == {"alice@example.com"}
    assert {mail.subject for mail in told} == {
        "A second factor was added: Authenticator app",
        "New recovery codes were created",
        "A recovery code was used as the second factor",
        "A second factor was removed: Authenticator app",
    }
    assert {mail.path for mail in told} == {"/account/activity"}
    assert all(re.search(r"^Time: \d{4}-\d\d-\d\d \d\d:\d\d UTC$", it.text, re.M) for it in told)
    texts = " ".join(mail.text for mail in told)
    for word in (
        "A second factor of the account alice was set up: Authenticator app.",
        "New recovery codes were created for the account alice.",
        "A recovery code of the account alice was used.",
        "9 codes are left",
        "A second factor of the account alice was removed: Authenticator app.",
        "contact the operator of this service",
    ):
        assert word in texts
    assert "reset your password" not in texts, "no page is selected for that"
    assert not any(code in texts for code in recovery)
    assert app.code() not in texts


def test_a_recovery_code_does_not_switch_the_app_off(provider: Provider, clock: Any) -> None:
    browser, _ = enrolled(provider, clock)
    mine = codes(browser)
    page = second_step(provider.browser()).click("Use instead: Recovery code")
    enter(page, mine[0])
    assert "Enter the code that your app shows" in second_step(provider.browser())


@pytest.mark.parametrize("username", ["a:b", "50% off", "zoë & co", "a?secret=x#y"])
def test_the_label_of_the_app_is_encoded(provider: Provider, username: str) -> None:
    browser = provider.browser()
    browser.sign_in(username)
    uri = browser.get("/account/totp").html.find("a", class_="picture")["href"]
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("otpauth", "totp", "")
    issuer, _, label = parts.path.removeprefix("/").partition(":")
    assert unquote(label) == username
    query = parse_qs(parts.query)
    assert query["issuer"] == [unquote(issuer)]
    assert set(query) == {"digits", "secret", "algorithm", "issuer", "period"}


def test_the_secret_is_in_no_url_and_no_log(
    provider: Provider, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    browser = provider.browser()
    browser.sign_in()
    page = browser.get("/account/totp")
    key = page.html.find("code", class_="key").get_text().replace(" ", "")
    assert page.html.find("svg") is not None, "the picture is made here"
    form = page.forms["totp"]
    form["code"] = App(page).code()
    answer = form.submit()
    assert key not in answer.location
    assert key not in caplog.text
    assert key not in browser.get("/account/factors")


def test_fields_that_the_form_does_not_have_are_ignored(provider: Provider) -> None:
    """The user, the secret and the address are those of the session and of the row."""
    bob, browser = provider.browser(), provider.browser()
    bob.sign_in("bob")
    browser.sign_in()
    page = browser.get("/account/totp")
    token = page.forms["totp"]["csrf_token"].value
    mine = base64.b32encode(b"m" * 20).decode()
    code = TOTP(b"m" * 20, 6, SHA1(), 30).generate(oidcserver_clock.now()).decode()
    sealed = page.forms["totp"]["enrolment"].value
    fields = {"csrf_token": token, "enrolment": sealed, "code": code}
    fields |= {"secret": mine, "key": mine, "username": "bob"}
    browser.post("/account/totp", fields, status=400)
    browser.post("/account/totp", {**fields, "code": App(page).code(), "user_id": "bob"})
    assert second_step(provider.browser(), "bob").request.path == "/"
    assert second_step(provider.browser(), "alice").request.path == "/login/totp"


def test_an_app_that_was_not_confirmed_is_no_factor(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in()
    page = browser.get("/account/totp")
    form = page.forms["totp"]
    form["code"] = "000000"
    again = form.submit(status=400)
    assert App(again).code() == App(page).code(), "the picture on the phone stays right"
    assert second_step(provider.browser()).request.path == "/"
    assert count(provider, AuthenticatorApp) == 0


def confirm(page: webtest.TestResponse, enrolment: str, app: App, **submit: Any) -> Any:
    """Send the code of an app with the sealed secret of some page."""
    form = page.forms["totp"]
    form["enrolment"], form["code"] = enrolment, app.code()
    return form.submit(**submit)


def test_a_secret_that_was_only_shown_is_never_shown_again(provider: Provider, clock: Any) -> None:
    """A thief who has read it, and lost the session, knows no code of the app set up later."""
    thief = provider.browser()
    thief.sign_in()
    seen = thief.get("/account/totp")
    end_everything(provider)
    browser = provider.browser()
    browser.sign_in()
    page = browser.get("/account/totp")
    assert App(page).code() != App(seen).code()
    assert App(browser.get("/account/totp")).code() != App(page).code(), "nor in this browser"
    confirm(page, page.forms["totp"]["enrolment"].value, App(page))
    clock.advance(60)
    enter(second_step(provider.browser()), App(seen).code(), status=403)
    enter(second_step(provider.browser()), App(page).code())


def test_a_password_alone_reads_no_secret_of_a_later_app(make_provider: Any, clock: Any) -> None:
    provider = make_provider(**SETTINGS, oidc__second_factor="required")
    seen = App(second_step(provider.browser()))
    page = second_step(provider.browser())
    confirm(page, page.forms["totp"]["enrolment"].value, App(page))
    clock.advance(60)
    enter(second_step(provider.browser()), seen.code(), status=403)


def test_a_secret_is_confirmed_by_whom_it_was_shown_to_and_in_time(
    provider: Provider, clock: Any
) -> None:
    bob, other, browser = provider.browser(), provider.browser(), provider.browser()
    bob.sign_in("bob")
    other.sign_in()
    browser.sign_in()
    page = browser.get("/account/totp")
    sealed, app = page.forms["totp"]["enrolment"].value, App(page)
    for elsewhere in (bob, other):
        again = confirm(elsewhere.get("/account/totp"), sealed, app, status=400)
        assert "This page was open for too long." in again
        assert App(again).code() != app.code()
    confirm(page, "nonsense", app, status=400)
    clock.advance(601)
    browser.get("/logout").forms["logout"].submit()
    browser.sign_in()
    again = confirm(browser.get("/account/totp"), sealed, app, status=400)
    assert count(provider, AuthenticatorApp) == 0
    confirm(again, again.forms["totp"]["enrolment"].value, App(again), status=303)
    assert count(provider, AuthenticatorApp) == 1


def test_the_end_of_everything_voids_a_secret(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in()
    page = browser.get("/account/totp")
    end_everything(provider)
    browser.sign_in()
    sealed = page.forms["totp"]["enrolment"].value
    confirm(browser.get("/account/totp"), sealed, App(page), status=400)


def test_of_six_that_set_an_app_up_one_does(provider: Provider, clock: Any) -> None:
    browser = provider.browser()
    browser.sign_in()
    pages = [browser.get("/account/totp") for _ in range(6)]
    forms = [page.forms["totp"] for page in pages]
    apps = [App(page) for page in pages]
    for form, app in zip(forms, apps, strict=True):
        form["code"] = app.code()
    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda it: it.submit(expect_errors=True).status_code, forms))
    assert set(statuses) == {303}
    assert count(provider, AuthenticatorApp) == 1
    clock.advance(60)
    accepted = []
    for app in apps:
        page = second_step(provider.browser())
        accepted.append(enter(page, app.code(), expect_errors=True).status_code)
    assert sorted(accepted) == [303, *[403] * 5]


@pytest.mark.parametrize("wish", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "60"}])
def test_a_second_factor_alone_is_no_new_sign_in(
    provider: Provider, clock: Any, wish: dict[str, str]
) -> None:
    _, app = enrolled(provider, clock)
    browser, client = provider.browser(), provider.register()
    enter(second_step(browser), app.code())
    clock.advance(200)
    page = client.authorize(browser, **wish)
    assert "login" in page.forms
    query = page.request.query_string
    page = follow_to_answer(enter(browser.get(f"/login/totp?{query}"), app.code()))
    assert "login" in page.forms, "the password is asked for all the same"
    clock.advance(60)
    form = page.forms["login"]
    form["username"], form["password"] = "alice", "valid"
    page = follow_to_answer(form.submit())
    answer = client.answer(client.complete(follow_to_answer(enter(page, app.code()))))
    claims = decode_id_token(provider, client.exchange(answer["code"])["id_token"])
    assert claims["acr"] == "2"
    assert claims["auth_time"] >= oidcserver_clock.now() - 30


def test_a_step_up_keeps_the_time_of_the_sign_in(provider: Provider, clock: Any) -> None:
    _, app = enrolled(provider, clock)
    browser, client = provider.browser(), provider.register()
    enter(second_step(browser), app.code())
    with provider.database() as dbsession:
        before = dbsession.scalars(select(LoginSession).order_by(LoginSession.auth_time)).all()[-1]
    clock.advance(3000)
    enter(browser.get("/login/totp?next=/account/factors"), app.code())
    for path in ("/account/totp", "/account/recovery-codes"):
        assert "/login?" in browser.get(path).location, path
    with provider.database() as dbsession:
        after = dbsession.get_one(LoginSession, before.id)
        assert (after.auth_time, after.expires_at) == (before.auth_time, before.expires_at)
        assert after.token_digest != before.token_digest
    answer = client.answer(client.complete(client.authorize(browser, acr_values="2")))
    claims = decode_id_token(provider, client.exchange(answer["code"])["id_token"])
    assert claims["auth_time"] == before.auth_time


def test_a_second_factor_begins_no_session_anew_that_has_ended(
    provider: Provider, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, app = enrolled(provider, clock)
    browser = provider.browser()
    enter(second_step(browser), app.code())
    clock.advance(60)
    page, before = browser.get("/login/totp"), count(provider, LoginSession)

    def end_meanwhile(request: Any, _user: Any) -> None:
        ended = update(LoginSession).values(ended_at=oidcserver_clock.now())
        request.oidc.dbsession.execute(ended)

    monkeypatch.setattr("oidcserver.views.code_factor.forget_attempts", end_meanwhile)
    assert "/login" in enter(page, app.code()).location
    assert count(provider, LoginSession) == before


def test_the_secret_is_sealed_and_shown_once(provider: Provider, clock: Any) -> None:
    browser, _ = enrolled(provider, clock)
    with provider.database() as dbsession:
        sealed = dbsession.scalars(select(AuthenticatorApp.secret_sealed)).one()
    assert re.fullmatch(r"[0-9a-f]{8}\.[\w-]+", sealed)
    assert browser.get("/account/totp").location.endswith("/account/factors")


def test_a_recovery_code_works_once_in_place_of_the_app(provider: Provider, clock: Any) -> None:
    browser, _ = enrolled(provider, clock)
    mine = codes(browser)
    assert len(set(mine)) == 10
    assert "10 codes left" in browser.get("/account/factors")
    page = second_step(provider.browser()).click("Use instead: Recovery code")
    assert enter(page, mine[0].upper().replace("-", " ")).status_code == 303
    page = second_step(provider.browser()).click("Use instead: Recovery code")
    enter(page, mine[0], status=403)
    assert "9 codes left" in browser.get("/account/factors")


def test_of_twelve_with_one_recovery_code_one_signs_in(provider: Provider, clock: Any) -> None:
    browser, _ = enrolled(provider, clock)
    code = codes(browser)[0]
    pages = [second_step(provider.browser()).click("Use instead: Recovery code") for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(lambda it: enter(it, code, expect_errors=True).status_code, pages))
    assert statuses.count(303) == 1
    assert count(provider, RecoveryCode) == 9


def test_new_recovery_codes_replace_the_old_ones(provider: Provider, clock: Any) -> None:
    browser, _ = enrolled(provider, clock)
    old, new = codes(browser), codes(browser)
    assert not set(old) & set(new)
    page = second_step(provider.browser()).click("Use instead: Recovery code")
    enter(page, old[0], status=403)
    assert enter(page, new[0]).status_code == 303


def test_the_codes_stay_on_the_page_that_shows_them(provider: Provider, clock: Any) -> None:
    browser, _ = enrolled(provider, clock)
    page = browser.get("/account/factors").click("Create recovery codes")
    form = page.forms["codes"]
    shown = form.submit()
    assert "Your codes work from now on." in shown
    assert "Earlier codes" not in shown
    assert [it for it in shown.forms.values() if it.action.endswith("/language")] == []
    with provider.database() as dbsession:
        before = set(dbsession.scalars(select(RecoveryCode.code_digest)))
    again = form.submit().follow()
    assert "codes" in again.forms, "a reload asks first"
    with provider.database() as dbsession:
        assert set(dbsession.scalars(select(RecoveryCode.code_digest))) == before
    assert "Earlier codes do not work any more" in again.forms["codes"].submit()
    assert "Create recovery codes" not in browser.get("/account/factors")


def test_a_user_who_took_too_long_is_told_so(provider: Provider, clock: Any) -> None:
    _, app = enrolled(provider, clock)
    browser = provider.browser()
    page = second_step(browser)
    assert "Account: <strong><bdi>alice</bdi>" in page
    clock.advance(301)
    page = follow_to_answer(enter(page, app.code()))
    assert "You took too long. Please sign in again." in page
    assert page.forms["login"]["username"].value == "alice"
    assert browser.get("/login").forms["login"]["username"].value == ""


def test_the_second_step_leads_back_and_to_recovery_codes(provider: Provider, clock: Any) -> None:
    browser, _ = enrolled(provider, clock)
    assert "Lost your device?" not in second_step(provider.browser())
    codes(browser)
    page = second_step(provider.browser())
    assert "Lost your device? Use instead: Recovery code" in page
    assert "login" in page.click("Back to sign-in").forms


def test_recovery_codes_alone_are_no_factor(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in()
    page = browser.get("/account/recovery-codes")
    assert page.forms["codes"].submit().location.endswith("/account/factors")
    assert count(provider, RecoveryCode) == 0


def test_removing_the_app_leaves_passkeys_and_their_codes(make_provider: Any, clock: Any) -> None:
    provider = make_provider(oidc__second_factors="totp passkey recovery_codes")
    browser, _ = enrolled(provider, clock)
    Authenticator().make(passkey_form(browser.get("/account/passkeys"))).submit()
    codes(browser)
    browser.get("/account/totp?remove=1").forms["confirm"].submit("remove")
    assert count(provider, AuthenticatorApp) == 0
    assert (count(provider, Passkey), count(provider, RecoveryCode)) == (1, 10)
    assert second_step(provider.browser()).request.path == "/login/passkey"


def test_removing_the_app_takes_the_codes_along(provider: Provider, clock: Any) -> None:
    browser, _ = enrolled(provider, clock)
    codes(browser)
    page = browser.get("/account/factors").click("Remove: Authenticator app")
    assert "one step, such as the password, is enough to sign in" in page
    assert "The recovery codes are deleted with the last second factor." in page
    assert count(provider, AuthenticatorApp) == 1, "nothing happens before the answer"
    page.forms["confirm"].submit("remove").follow()
    assert count(provider, AuthenticatorApp) == count(provider, RecoveryCode) == 0
    assert second_step(provider.browser()).request.path == "/"


@pytest.mark.parametrize("path", ["/account/totp", "/account/recovery-codes"])
def test_a_stolen_session_changes_no_factor(provider: Provider, clock: Any, path: str) -> None:
    browser, _ = enrolled(provider, clock)
    page = browser.get("/account/totp?remove=1")
    clock.advance(301)
    assert "/login?" in browser.get(path).location
    assert "/login?" in page.forms["confirm"].submit("remove").location
    assert count(provider, AuthenticatorApp) == 1


def test_a_session_from_before_the_factor_cannot_remove_it(provider: Provider, clock: Any) -> None:
    earlier = provider.browser()
    earlier.sign_in()
    enrolled(provider, clock)
    assert "/login/second-factor?" in earlier.get("/account/totp").location


def test_an_attempt_that_counted_for_one_user_is_none_for_another(
    provider: Provider, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, app = enrolled(provider, clock)
    enrolled(provider, clock, "bob")
    page = begin_another(browser, "bob")

    def end_meanwhile(request: Any, _user: Any) -> None:
        ended = update(PendingSignIn).values(used_at=oidcserver_clock.now())
        request.oidc.dbsession.execute(ended)

    monkeypatch.setattr("oidcserver.views.code_factor.count_attempt", end_meanwhile)
    assert urlsplit(enter(page, app.code()).location).path == "/login"


def test_a_request_for_the_class_raises_a_session(provider: Provider, clock: Any) -> None:
    earlier, client = provider.browser(), provider.register()
    client.login(earlier)
    _, app = enrolled(provider, clock)
    page = client.authorize(earlier, acr_values="2")
    answer = client.answer(client.complete(follow_to_answer(enter(page, app.code()))))
    claims = decode_id_token(provider, client.exchange(answer["code"])["id_token"])
    assert claims["acr"] == "2"


def test_a_user_without_a_factor_may_go_on_without_the_class(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    client.login(browser)
    page = client.authorize(browser, acr_values="2")
    assert "A second factor is preferred" in page
    answer = client.answer(client.complete(follow_to_answer(page.forms["decline"].submit())))
    claims = decode_id_token(provider, client.exchange(answer["code"])["id_token"])
    assert claims["acr"] == "1"


def test_everybody_may_need_one(make_provider: Any, clock: Any) -> None:
    provider = make_provider(**SETTINGS, oidc__second_factor="required")
    browser = provider.browser()
    page = second_step(browser)
    assert "Set up an authenticator app" in page
    assert "/login" in browser.get("/account").location
    app = App(page)
    form = page.forms["totp"]
    form["code"] = app.code()
    form.submit()
    assert browser.get("/account").status_code == 200
    clock.advance(60)
    assert "Enter the code that your app shows" in second_step(provider.browser())


def begin_another(browser: Browser, username: str) -> webtest.TestResponse:
    """Enter the password of another user too; return the page that follows."""
    form = browser.get("/login?switch=1").forms["login"]
    form["username"], form["password"] = username, "valid"
    return follow_to_answer(form.submit())


def passkeys_by_name(provider: Provider) -> list[str]:
    """Return the name of the user of each passkey."""
    with provider.database() as dbsession:
        return list(dbsession.scalars(select(User.username).join(Passkey)))


@pytest.fixture
def shared(make_provider: Any) -> tuple[Provider, Browser]:
    """A provider where all users need a factor, and a browser in which alice is signed in."""
    provider = make_provider(oidc__second_factors="totp passkey", oidc__second_factor="required")
    browser = provider.browser()
    page = second_step(browser)
    form = page.forms["totp"]
    form["code"] = App(page).code()
    form.submit()
    return provider, browser


def test_a_page_for_the_signed_in_user_forgets_a_sign_in_that_waits(
    shared: tuple[Provider, Browser],
) -> None:
    provider, browser = shared
    waiting = begin_another(browser, "bob")
    page = browser.get("/account/passkeys")
    Authenticator().make(passkey_form(page)).submit()
    assert passkeys_by_name(provider) == ["alice"]
    assert "alice" in browser.get("/account")
    form = waiting.forms["totp"]
    form["code"] = App(waiting).code()
    assert urlsplit(form.submit().location).path == "/login"
    assert "bob" not in browser.get("/account")


def test_a_page_for_a_sign_in_that_waits_acts_for_no_other_account(
    shared: tuple[Provider, Browser], clock: Any
) -> None:
    provider, browser = shared
    waiting = begin_another(browser, "bob")
    assert urlsplit(waiting.request.url).path == "/account/totp"
    url = waiting.request.path_qs.replace("/totp", "/passkeys")
    late = Authenticator().make(passkey_form(browser.get(url)))
    Authenticator().make(passkey_form(browser.get(url))).submit()
    assert passkeys_by_name(provider) == ["bob"]
    assert "bob" in browser.get("/account").html.find("h1").parent.get_text()
    assert urlsplit(late.submit().location).path == "/login"
    assert passkeys_by_name(provider) == ["bob"]


def test_a_signed_in_user_is_asked_for_the_own_factor_while_another_sign_in_waits(
    provider: Provider, clock: Any
) -> None:
    browser = provider.browser()
    browser.sign_in()
    _, app = enrolled(provider, clock)
    enrolled(provider, clock, "bob")
    assert begin_another(browser, "bob").request.path == "/login/totp"
    page = follow_to_answer(browser.get("/account/sessions?session=all"))
    assert page.request.path == "/login/totp"
    assert "session=all" in follow_to_answer(enter(page, app.code())).request.query_string


def ini_of(provider: Provider, tmp_path: Any, provider_url: str, keys_directory: Any) -> Any:
    """Write the ini file of the commands."""
    ini, url = tmp_path / "factors.ini", provider_url.replace("%", "%%")
    ini.write_text(
        "[app:main]\nuse = egg:oidcserver\noidcserver.mode = development\n"
        f"oidc.issuer = {provider.issuer}\noidcserver.database_url = {url}\n"
        f"oidcserver.keys_directory = {keys_directory}\noidc.user_directory = demo\n"
        f"oidc.second_factors = {SETTINGS['oidc__second_factors']}\n"
        "oidc.pages = home login consent logout account\n"
    )
    return ini


def test_a_command_removes_the_factors_of_a_lost_phone(
    provider: Provider, clock: Any, tmp_path: Any, provider_url: str, keys_directory: Any
) -> None:
    browser, _ = enrolled(provider, clock)
    assert len(codes(browser)) == 10
    ini = ini_of(provider, tmp_path, provider_url, keys_directory)

    def shown() -> str:
        return CliRunner().invoke(main, ["users", "show", str(ini), "alice"]).stdout

    with provider.database() as dbsession:
        user = find_user(dbsession, "alice")
        assert user is not None
        user.claims = {"email": "alice@example.com", "email_verified": True}
    assert "has_authenticator_app: True\nrecovery_codes_left: 10\n" in shown()
    done = CliRunner().invoke(main, ["users", "reset-factors", str(ini), "alice"])
    assert done.output == "alice has no second factor now.\n"
    assert "has_authenticator_app: False\nrecovery_codes_left: 0\n" in shown()
    assert "/login" in browser.get("/account").location
    [told] = letters(provider)
    assert "A second factor of the account alice was removed: Authenticator app." in told.text
    again = provider.browser()
    assert second_step(again).request.path == "/"
    [line] = [
        " ".join(it.get_text().split())
        for it in again.get("/account/activity").html.select("ul.rows > li")
        if "A second factor was removed: Authenticator app" in it.get_text()
    ]
    assert line.endswith("· by the operator of this service")
    done = CliRunner().invoke(main, ["users", "reset-factors", str(ini), "alice"])
    assert done.output == "alice had no second factors.\n"
    assert len(letters(provider)) == 1


def test_what_is_not_selected_is_not_there(make_provider: Any) -> None:
    provider = make_provider()
    browser = provider.browser()
    browser.sign_in()
    for path in ("/account/factors", "/account/totp", "/login/totp", "/login/second-factor"):
        browser.get(path, status=404)
    assert "Second factors" not in browser.get("/account")
    assert count(provider, PendingSignIn) == 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"oidc__second_factors": "sms"}, "sms"),
        ({"oidc__second_factor": "required"}, "selects none"),
        ({"oidc__second_factors": "recovery_codes", "oidc__second_factor": "required"},
         "selects none"),
        ({**SETTINGS, "oidc__pages": "home login consent logout"}, "needs the page account"),
    ],
)  # fmt: skip
def test_a_contradiction_stops_the_start(
    make_provider: Any, settings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem, match=sentence):
        make_provider(**settings)


def test_a_method_of_a_plugin_is_one_like_any_other(make_provider: Any) -> None:
    provider = make_provider(
        oidcserver__includes="support.word_plugin", oidc__second_factors="word totp"
    )
    browser = provider.browser()
    page = second_step(browser)
    assert "Which word?" in page
    enter(page, "jam", status=403)
    enter(page, "marmalade")
    assert "The word of the desk" in browser.get("/account/factors")
    assert second_step(provider.browser(), "bob").request.path == "/"


def test_an_object_that_is_no_method_stops_the_start(make_provider: Any) -> None:
    with pytest.raises(ConfigurationProblem, match="has no register"):
        make_provider(oidcserver__includes="support.wordless_plugin")
