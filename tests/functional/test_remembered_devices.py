"""Browsers in which a user is not asked for the second factor each time, and what ends that."""

from typing import Any

import pytest
import webtest
from click.testing import CliRunner
from sqlalchemy import select
from support.app import Browser, Provider, decode_id_token, follow_to_answer
from support.authenticator import Authenticator, passkey_form
from support.ending import end_everything
from support.factors import App, count, enrolled, enter, second_step

from oidcserver.accounts.passwords import hash_password
from oidcserver.cli import main
from oidcserver.models import LoginSession, RememberedDevice
from oidcserver.models.user import find_user
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

DAYS = 30
SETTINGS = {
    "oidc__second_factors": "totp passkey recovery_codes",
    "oidc__remembered_device_lifetime": f"{DAYS}d",
    "oidc__pages": "home login consent logout account password",
}
COOKIE = "oidcserver_6543_device"


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    provider: Provider = make_provider(**SETTINGS)
    return provider


def remembered(
    provider: Provider, app: App, username: str = "alice", browser: Browser | None = None
) -> Browser:
    """Return a browser that is remembered for a user, and signed out."""
    browser = browser or provider.browser()
    enter(second_step(browser, username), app.code(), remember=True)
    sign_out(browser)
    return browser


def sign_out(browser: Browser) -> None:
    browser.get("/logout").forms["logout"].submit()


def is_asked(browser: Browser, username: str = "alice") -> bool:
    """Sign in with the password; return whether a second factor is asked for. Sign out again."""
    page = second_step(browser, username)
    asked = page.request.path.startswith("/login/")
    if not asked:
        sign_out(browser)
    return asked


def by_password(page: webtest.TestResponse, username: str = "alice") -> webtest.TestResponse:
    form = page.forms["login"]
    form["username"], form["password"] = username, "valid"
    return follow_to_answer(form.submit())


def test_the_user_is_not_asked_there_until_the_time_is_over(provider: Provider, clock: Any) -> None:
    _, app = enrolled(provider, clock)
    page = second_step(provider.browser())
    assert "Do not ask again on this device for 30 days" in page
    browser = page.test_app
    enter(page, app.code(), remember=True)
    sign_out(browser)
    assert not is_asked(browser)
    assert is_asked(provider.browser()), "another browser"
    clock.advance((DAYS - 1) * 86400)
    assert not is_asked(browser)
    clock.advance(86400)
    assert is_asked(browser)


def test_who_does_not_tick_the_box_is_asked_again(provider: Provider, clock: Any) -> None:
    _, app = enrolled(provider, clock)
    browser = provider.browser()
    enter(second_step(browser), app.code())
    sign_out(browser)
    assert is_asked(browser)
    assert count(provider, RememberedDevice) == 0


def test_such_a_sign_in_says_no_more_than_what_happened(provider: Provider, clock: Any) -> None:
    _, app = enrolled(provider, clock)
    browser, client = remembered(provider, app), provider.register()
    page = by_password(client.authorize(browser))
    answer = client.answer(client.complete(page))
    claims = decode_id_token(provider, client.exchange(answer["code"])["id_token"])
    assert (claims["acr"], claims["amr"]) == ("1", ["pwd"])


@pytest.mark.parametrize(
    "changes",
    [
        {"acr_values": "2"},
        {"max_age": "300"},
        {"prompt": "login"},
        {"claims": '{"id_token": {"acr": {"essential": true, "value": "2"}}}'},
    ],
)
def test_a_request_for_more_than_that_asks_all_the_same(
    provider: Provider, clock: Any, changes: dict[str, str]
) -> None:
    _, app = enrolled(provider, clock)
    browser, client = remembered(provider, app), provider.register()
    page = by_password(client.authorize(browser, **changes))
    assert page.request.path == "/login/totp"
    clock.advance(30)
    page = follow_to_answer(enter(page, app.code()))
    answer = client.answer(client.complete(page))
    claims = decode_id_token(provider, client.exchange(answer["code"])["id_token"])
    assert claims["acr"] == "2"


def test_a_session_of_such_a_sign_in_is_raised_by_the_second_factor(
    provider: Provider, clock: Any
) -> None:
    _, app = enrolled(provider, clock)
    browser, client = remembered(provider, app), provider.register()
    second_step(browser)
    page = client.authorize(browser, acr_values="2")
    assert page.request.path == "/login/totp"
    assert "Do not ask again on this device" not in page
    clock.advance(30)
    assert "consent" in follow_to_answer(enter(page, app.code())).forms


def test_factors_are_not_changed_from_there_without_the_factor(
    provider: Provider, clock: Any
) -> None:
    _, app = enrolled(provider, clock)
    browser = remembered(provider, app)
    second_step(browser)
    page = follow_to_answer(browser.get("/account/totp"))
    assert page.request.path == "/login/totp", "the password was entered a moment ago"


def test_such_a_sign_in_is_no_recent_one_for_a_sensitive_page(
    provider: Provider, clock: Any
) -> None:
    """The query of the login page asks for the factor, and the user may leave that out."""
    _, app = enrolled(provider, clock)
    browser = remembered(provider, app)
    assert second_step(browser).request.path == "/"
    path = "/account/sessions?session=all"
    page = follow_to_answer(browser.get(path))
    assert page.request.path == "/login/totp", "the password was entered a moment ago"
    clock.advance(30)
    assert enter(page, app.code()).location.endswith(path)
    assert browser.get(path).status_code == 200
    # Another sign-in without the factor takes that back.
    by_password(browser.get("/login?switch=1"))
    assert browser.get(path).status_code == 303
    clock.advance(301)
    assert "/login?" in browser.get(path).location


def test_the_password_is_not_changed_from_there_without_the_factor(
    provider: Provider, clock: Any
) -> None:
    _, app = enrolled(provider, clock)
    browser = remembered(provider, app)
    second_step(browser)
    page = follow_to_answer(browser.get("/account/password"))
    assert page.request.path == "/login/totp"
    clock.advance(30)
    form = follow_to_answer(enter(page, app.code())).forms["password-form"]
    form["password"], form["new_password"] = "valid", "orbiting lighthouse sandwich"
    clock.advance(301)
    assert "/login?" in form.submit(status=303).location


def test_an_operator_may_allow_any_age_and_not_another_factor(
    make_provider: Any, clock: Any
) -> None:
    provider = make_provider(**SETTINGS, oidc__recent_login="0")
    _, app = enrolled(provider, clock)
    browser = remembered(provider, app)
    second_step(browser)
    path = "/account/sessions?session=all"
    page = follow_to_answer(browser.get(path))
    assert page.request.path == "/login/totp"
    clock.advance(30)
    enter(page, app.code())
    clock.advance(3000)
    assert browser.get(path).status_int == 200


def test_such_a_sign_in_satisfies_no_max_age(provider: Provider, clock: Any) -> None:
    _, app = enrolled(provider, clock)
    browser, client = remembered(provider, app), provider.register()
    second_step(browser)
    answer = client.answer(client.authorize(browser, max_age="300", prompt="none"))
    assert answer["error"] == "login_required"
    page = by_password(client.authorize(browser, max_age="300"))
    assert page.request.path == "/login/totp"
    clock.advance(30)
    assert "consent" in follow_to_answer(enter(page, app.code())).forms
    # A session with the factor, and a user without factors, are not asked.
    assert "consent" in client.authorize(browser, max_age="300", prompt="consent").forms
    bob = provider.browser()
    bob.sign_in("bob")
    assert "consent" in client.authorize(bob, max_age="300").forms


def test_the_password_grant_has_no_devices(provider: Provider, clock: Any) -> None:
    client = provider.register(grant_types=["password"], redirect_uris=[], response_types=[])
    _, app = enrolled(provider, clock)
    browser = remembered(provider, app)
    for name, value in browser.cookies.items():
        client.http.set_cookie(name, value.strip('"'))
    client.token(grant_type="password", username="alice", password="valid", status=400)


def test_it_belongs_to_the_account_and_to_the_browser(provider: Provider, clock: Any) -> None:
    _, alices = enrolled(provider, clock)
    _, bobs = enrolled(provider, clock, "bob")
    browser = remembered(provider, alices)
    assert is_asked(browser, "bob")
    first = browser.cookies[COOKIE]
    clock.advance(30)
    remembered(provider, bobs, "bob", browser)
    assert not is_asked(browser, "alice")
    assert not is_asked(browser, "bob")
    assert browser.cookies[COOKIE] != first, "the value before is of no use"
    thief = provider.browser()
    thief.set_cookie(COOKIE, first.strip('"'))
    assert is_asked(thief, "alice")
    assert count(provider, RememberedDevice) == 2


def test_the_database_does_not_hold_what_the_cookie_holds(provider: Provider, clock: Any) -> None:
    _, app = enrolled(provider, clock)
    browser = remembered(provider, app)
    token = browser.cookies[COOKIE].strip('"')
    with provider.database() as dbsession:
        row = dbsession.scalars(select(RememberedDevice)).one()
        kept = [str(getattr(row, column.name)) for column in RememberedDevice.__table__.columns]
    assert not any(token.removeprefix("rd_") in text for text in kept)
    for wrong in (row.token_digest, f"rd_{'x' * 43}", "rd_", "%00"):
        thief = provider.browser()
        thief.set_cookie(COOKIE, wrong)
        assert is_asked(thief)


def test_a_user_sees_the_devices_and_forgets_one(provider: Provider, clock: Any) -> None:
    owner, app = enrolled(provider, clock)
    browser = provider.browser()
    browser.extra_environ["REMOTE_ADDR"] = "192.0.2.7" + "x" * 300
    remembered(provider, app, browser=browser)
    page = owner.get("/account/factors")
    assert "Where you are not asked for a second factor" in page
    assert "192.0.2.7" in page
    assert "(this browser)" not in page
    stranger = provider.browser()
    stranger.sign_in("bob")
    form = page.forms["forget-1"]
    own = stranger.get("/account").forms[0]["csrf_token"].value
    stranger.post("/account/factors", {"csrf_token": own, "forget": form["forget"].value})
    assert count(provider, RememberedDevice) == 1
    done = form.submit("forget")
    assert "notice=device_forgotten" in done.location
    assert "Where you are not asked" not in done.follow()
    assert form.submit("forget").location.endswith("/account/factors")
    assert is_asked(browser)


def end_by_sign_out_everywhere(provider: Provider, owner: Browser) -> None:
    page = owner.get("/account").click("Sign out everywhere")
    page.forms["confirm"].submit("session")


def end_by_reset(provider: Provider, owner: Browser) -> None:
    end_everything(provider)


def end_by_a_new_password(provider: Provider, owner: Browser) -> None:
    with provider.database() as dbsession:
        user = find_user(dbsession, "alice")
        assert user is not None
        user.password_hash = hash_password("the former words of alice")
    form = owner.get("/account/password").forms["password-form"]
    form["password"], form["new_password"] = "the former words of alice", "other words of hers now"
    form.submit()
    with provider.database() as dbsession:
        user = find_user(dbsession, "alice")
        assert user is not None
        user.password_hash = None  # the demo directory lets alice in as before


@pytest.mark.parametrize("end", [end_by_sign_out_everywhere, end_by_reset, end_by_a_new_password])
def test_it_ends_with_all_sessions_and_with_the_password(
    provider: Provider, clock: Any, end: Any
) -> None:
    owner, app = enrolled(provider, clock)
    browser = remembered(provider, app)
    end(provider, owner)
    assert is_asked(browser)


def test_it_ends_with_a_factor(provider: Provider, clock: Any) -> None:
    owner, _ = enrolled(provider, clock)
    key = Authenticator()
    key.make(passkey_form(owner.get("/account/passkeys"))).submit()
    page = second_step(provider.browser())
    page = page if page.request.path == "/login/passkey" else page.click("Use instead: Passkey")
    browser = page.test_app
    form = passkey_form(page)
    form["remember_device"] = True
    key.use(form).submit()
    sign_out(browser)
    assert not is_asked(browser), "after a passkey too"
    owner.get("/account/totp?remove=1").forms["confirm"].submit("remove")
    assert count(provider, RememberedDevice) == 0
    assert is_asked(browser), "the passkey is still needed"


def test_the_command_that_resets_factors_ends_it(
    provider: Provider, clock: Any, tmp_path: Any, provider_url: str, keys_directory: Any
) -> None:
    _, app = enrolled(provider, clock)
    browser = remembered(provider, app)
    ini, url = tmp_path / "factors.ini", provider_url.replace("%", "%%")
    ini.write_text(
        "[app:main]\nuse = egg:oidcserver\noidcserver.mode = development\n"
        f"oidc.issuer = {provider.issuer}\noidcserver.database_url = {url}\n"
        f"oidcserver.keys_directory = {keys_directory}\noidc.user_directory = demo\n"
    )
    CliRunner().invoke(main, ["users", "reset-factors", str(ini), "alice"], catch_exceptions=False)
    fresh = provider.browser()
    fresh.sign_in("alice")
    page = fresh.get("/account").click("Second factors")
    assert "Where you are not asked" not in page
    page = page.click("Set up: Authenticator app")
    app = App(page)
    page.forms["totp"]["code"] = app.code()
    page.forms["totp"].submit()
    assert is_asked(browser)


def test_the_session_has_the_methods_of_the_sign_in(provider: Provider, clock: Any) -> None:
    _, app = enrolled(provider, clock)
    browser = remembered(provider, app)
    second_step(browser)
    with provider.database() as dbsession:
        live = dbsession.scalars(
            select(LoginSession.methods)
            .where(LoginSession.ended_at.is_(None))
            .order_by(LoginSession.auth_time)
        ).all()
    assert live[-1] == ["password"]


def test_it_is_off_by_default_and_needs_second_factors(make_provider: Any, clock: Any) -> None:
    provider = make_provider(oidc__second_factors="totp")
    _, app = enrolled(provider, clock)
    browser = provider.browser()
    page = second_step(browser)
    assert "Do not ask" not in page
    form = page.forms["factor"]
    form["code"] = app.code()
    browser.post(page.request.path, [*form.submit_fields(), ("remember_device", "1")])
    assert count(provider, RememberedDevice) == 0
    with pytest.raises(ConfigurationProblem, match=r"but oidc\.second_factors selects none"):
        make_provider(oidc__remembered_device_lifetime="30d")
