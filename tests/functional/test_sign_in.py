"""Signing in: the page, the session that it begins, and where the person arrives."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select, update
from support.app import Provider, follow_to_answer

from oidcserver.accounts import passwords
from oidcserver.models import LoginSession, User

ISSUER = "http://localhost:6543"
SESSION = "oidcserver_6543_session"
WRONG = (
    "That user name and password do not match, or were tried too often; in that case wait "
    "15 minutes."
)


def submit(page: Any, username: str = "alice", password: str = "valid", **options: Any) -> Any:
    """Fill the login form in and send it."""
    form = page.forms["login"]
    form["username"], form["password"] = username, password
    return form.submit(expect_errors=True, **options)


def sessions(provider: Provider) -> list[LoginSession]:
    """Return every session, in the order of their beginning."""
    with provider.database() as dbsession:
        found = dbsession.scalars(select(LoginSession).order_by(LoginSession.created_at)).all()
        dbsession.expunge_all()
        return list(found)


# -- the form


def test_the_form_says_what_it_takes(provider: Provider) -> None:
    page = provider.browser().get("/login")
    form = page.forms["login"]
    assert form.method.upper() == "POST"
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in page
    assert form["username"].attrs["autofocus"] is not None


def test_a_wrong_password_keeps_the_user_name_and_ties_the_error_to_the_fields(
    provider: Provider,
) -> None:
    page = submit(provider.browser().get("/login"), "Álice <b>", "wrong")
    assert page.status_int == 403
    form = page.forms["login"]
    assert form["username"].value == "Álice <b>"
    assert form["password"].value == ""
    for field in ("username", "password"):
        assert form[field].attrs["aria-describedby"] == "login-error"
        assert form[field].attrs["aria-invalid"] == "true"
    assert "autofocus" in form["password"].attrs
    assert f'role="alert" id="login-error"><p>{WRONG}</p>' in page
    assert "wrong" not in page.text.replace(WRONG, "")


def test_unknown_wrong_disabled_and_locked_get_the_same_answer(make_provider: Any) -> None:
    provider = make_provider(oidc__user_directory="database", oidc__login_attempts="2")
    right = passwords.hash_password("right password")
    with provider.database() as dbsession:
        dbsession.add(User("carol", password_hash=right))
        dbsession.add(User("david", password_hash=right, disabled_at=1))
    browser = provider.browser()
    answers = {}
    for kind, username, password in (
        ("unknown", "nobody", "right password"),
        ("disabled", "david", "right password"),
        ("wrong", "carol", "wrong password"),
        ("empty", "carol", ""),
        ("locked", "carol", "right password"),
    ):
        page = submit(browser.get("/login"), username, password)
        answers[kind] = (page.status, page.text.replace(f'value="{username}"', ""))
        assert SESSION not in browser.cookies
    assert len(set(answers.values())) == 1, answers


# -- the session


def test_the_cookie_is_out_of_reach_of_scripts_and_other_hosts(make_provider: Any) -> None:
    provider = make_provider(oidc__issuer="https://localhost:6543")
    response = submit(provider.browser().get("/login"))
    [cookie] = [value for value in response.headers.getall("Set-Cookie") if "_session" in value]
    assert cookie.startswith("__Host-oidcserver_6543_session=ls_")
    attributes = {part.lower() for part in cookie.split("; ")[1:]}
    assert attributes == {"path=/", "secure", "httponly", "samesite=lax"}


def test_the_database_holds_no_usable_cookie(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in()
    [session] = sessions(provider)
    assert browser.cookies[SESSION] not in vars(session).values()
    browser.set_cookie(SESSION, session.token_digest)
    assert "One account" in browser.get("/")


def test_a_session_says_how_the_person_signed_in(make_provider: Any) -> None:
    provider = make_provider(oidc__password_acr="urn:example:password")
    browser = provider.browser()
    form = browser.get("/login").forms["login"]
    form["username"], form["password"] = "alice", "valid"
    form.submit(headers={"User-Agent": "Netscape 1.0"}, extra_environ={"REMOTE_ADDR": "192.0.2.7"})
    [session] = sessions(provider)
    assert (session.acr, session.amr) == ("urn:example:password", ["pwd"])
    assert (session.user_agent, session.remote_address) == ("Netscape 1.0", "192.0.2.7")
    document = browser.get("/.well-known/openid-configuration").json
    assert document["acr_values_supported"] == ["urn:example:password"]


def test_every_login_gives_another_cookie_and_a_person_keeps_the_session(
    provider: Provider, clock: Any
) -> None:
    browser = provider.browser()
    browser.set_cookie(SESSION, "ls_fixed-by-an-attacker")
    browser.sign_in()
    first = browser.cookies[SESSION]
    assert first != "ls_fixed-by-an-attacker"
    client = provider.register()
    clock.advance(100)
    page = client.authorize(browser, prompt="login")
    submit(page)
    second = browser.cookies[SESSION]
    assert second != first
    [session] = sessions(provider)
    assert session.auth_time >= session.created_at + 100
    other = provider.browser()
    other.set_cookie(SESSION, first)
    assert "One account" in other.get("/")
    assert "Hello" in browser.get("/")


def test_with_one_account_a_browser_another_person_ends_the_session_of_the_first(
    make_provider: Any,
) -> None:
    provider = make_provider(oidc__accounts_per_browser="1")
    browser = provider.browser()
    client = provider.register()
    tokens = client.exchange(client.login(browser, scope="openid")["code"])
    first = browser.cookies[SESSION]
    submit(client.authorize(browser, prompt="select_account"), "bob")
    alice, bob = sessions(provider)
    assert alice.id != bob.id
    assert alice.ended_at is not None
    assert bob.ended_at is None
    assert client.introspect(tokens["access_token"]) == {"active": False}
    browser.set_cookie(SESSION, first)
    assert "One account" in browser.get("/")


def test_a_session_ends_an_hour_after_it_was_last_used(provider: Provider, clock: Any) -> None:
    browser = provider.browser()
    browser.sign_in()
    for _ in range(3):
        clock.advance(3500)
        assert "Hello" in browser.get("/")
    clock.advance(3600)
    assert "One account" in browser.get("/")


def test_a_session_ends_twelve_hours_after_the_login_however_busy(
    provider: Provider, clock: Any
) -> None:
    browser = provider.browser()
    browser.sign_in()
    for _ in range(23):
        clock.advance(1800)
        assert "Hello" in browser.get("/")
    clock.advance(1800)
    assert "One account" in browser.get("/")


def test_use_is_noted_once_a_minute(provider: Provider, clock: Any) -> None:
    browser = provider.browser()
    browser.sign_in()
    [before] = sessions(provider)
    clock.advance(30)
    browser.get("/")
    [same] = sessions(provider)
    assert same.last_seen_at == before.last_seen_at
    clock.advance(40)
    browser.get("/")
    [after] = sessions(provider)
    assert after.last_seen_at >= before.last_seen_at + 60


def test_a_disabled_person_is_signed_out_at_once(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in()
    with provider.database() as dbsession:
        dbsession.execute(update(User).values(disabled_at=1))
    assert "One account" in browser.get("/")


def test_a_cookie_that_is_no_session_is_nobodys(provider: Provider) -> None:
    browser = provider.browser()
    for value in ("x", "ls_" + "a" * 43, "%ff", "ls_ü"):
        browser.get("/", headers={"Cookie": f"{SESSION}={value}"}, status=(200, 400))


# -- without an application


def test_a_direct_visit_ends_at_home(provider: Provider) -> None:
    browser = provider.browser()
    response = browser.sign_in()
    assert (response.status_int, response.location) == (303, f"{ISSUER}/")
    assert "Hello, <bdi>alice</bdi>" in response.follow()


def test_who_is_signed_in_already_is_told_so(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in()
    page = browser.get("/login")
    assert "You are signed in as <strong><bdi>alice</bdi></strong>" in page
    assert "login" not in page.forms


def test_next_leads_to_a_page_of_ours(provider: Provider) -> None:
    browser = provider.browser()
    response = submit(browser.get("/login?next=/account%3Ftab%3D1"))
    assert response.location == f"{ISSUER}/account?tab=1"
    assert browser.get("/login?next=/account").location == f"{ISSUER}/account"


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example", "/\\evil.example", "/%09/evil.example", "%09//evil.example",
        "https://evil.example/", "/%0A/evil.example", "javascript:alert(1)", "%2F%2Fevil.example",
        "/%5Cevil.example", "evil",
    ],
)  # fmt: skip
def test_next_never_leads_elsewhere(provider: Provider, path: str) -> None:
    browser = provider.browser()
    assert submit(browser.get(f"/login?next={path}")).location == f"{ISSUER}/"
    assert "You are signed in" in browser.get(f"/login?next={path}")


def test_a_forged_host_changes_no_link(provider: Provider) -> None:
    browser = provider.browser()
    page = browser.get("/login", headers={"Host": "evil.example"})
    assert "evil.example" not in page
    form = page.forms["login"]
    form["username"], form["password"] = "alice", "valid"
    forged = {"Host": "evil.example", "Origin": ISSUER}
    assert form.submit(headers=forged).location == f"{ISSUER}/"


# -- for an application


def test_the_page_says_which_application_asks(provider: Provider) -> None:
    client = provider.register(client_name="Field <i>Notes</i>")
    page = client.authorize(provider.browser())
    assert "to continue to <strong><bdi>Field &lt;i&gt;Notes&lt;/i&gt;</bdi>" in page


def test_login_hint_fills_in_the_user_name(provider: Provider) -> None:
    client = provider.register()
    page = client.authorize(provider.browser(), login_hint='alice" onfocus="x')
    assert page.forms["login"]["username"].value == 'alice" onfocus="x'


def test_prompt_login_asks_again_and_names_the_person(provider: Provider) -> None:
    browser, client = provider.browser(), provider.register()
    browser.sign_in()
    page = client.authorize(browser, prompt="login")
    assert "Sign in again" in page
    assert page.forms["login"]["username"].value == "alice"
    again = follow_to_answer(page.goto(page.request.url))
    assert "login" in again.forms
    assert "consent" in follow_to_answer(submit(page)).forms


def test_select_account_asks_without_a_name(provider: Provider) -> None:
    browser, client = provider.browser(), provider.register()
    browser.sign_in()
    page = client.authorize(browser, prompt="select_account")
    assert page.forms["login"]["username"].value == ""
    page = follow_to_answer(submit(page, "bob"))
    assert "signed in as <strong><bdi>bob</bdi></strong>" in page


@pytest.mark.parametrize(("max_age", "asked"), [("0", True), ("60", True), ("3000", False)])
def test_max_age_asks_again_when_the_login_is_older(
    provider: Provider, clock: Any, max_age: str, asked: bool
) -> None:
    browser, client = provider.browser(), provider.register()
    browser.sign_in()
    clock.advance(61)
    page = client.authorize(browser, max_age=max_age)
    assert ("login" in page.forms) is asked
    if asked:
        assert "consent" in follow_to_answer(submit(page)).forms


def test_max_age_zero_asks_within_the_second(provider: Provider) -> None:
    browser, client = provider.browser(), provider.register()
    browser.sign_in()
    assert "login" in client.authorize(browser, max_age="0").forms


def test_prompt_none_never_shows_a_page(provider: Provider, clock: Any) -> None:
    browser, client = provider.browser(), provider.register()
    answer = client.answer(client.authorize(browser, prompt="none"))
    assert answer["error"] == "login_required"
    browser.sign_in()
    clock.advance(100)
    answer = client.answer(client.authorize(browser, prompt="none", max_age="10"))
    assert answer["error"] == "login_required"
    answer = client.answer(client.authorize(browser, prompt="none"))
    assert answer["error"] == "consent_required"


def test_two_tabs_both_arrive(provider: Provider) -> None:
    browser = provider.browser()
    notes = provider.register(client_name="Notes")
    maps = provider.register(client_name="Maps", redirect_uris=["https://maps.example/cb"])
    first, second = notes.authorize(browser), maps.authorize(browser)
    assert notes.complete(first).location.startswith("https://client.example/cb?code=")
    assert maps.complete(second).location.startswith("https://maps.example/cb?code=")


def test_a_tab_that_waited_for_a_login_elsewhere_goes_on_at_a_reload(provider: Provider) -> None:
    browser, client = provider.browser(), provider.register()
    waiting = client.authorize(browser)
    browser.sign_in()
    assert "consent" in follow_to_answer(waiting.goto(waiting.request.url)).forms


@pytest.mark.parametrize("prompt", [None, "login"])
@pytest.mark.parametrize("hours", [1, 14])
def test_a_page_left_open_overnight_arrives_without_asking_twice(
    provider: Provider, clock: Any, prompt: str | None, hours: int
) -> None:
    browser, client = provider.browser(), provider.register()
    page = client.authorize(browser, prompt=prompt)
    clock.advance(hours * 3600)
    page = follow_to_answer(submit(page))
    assert "consent" in page.forms
    assert client.answer(client.complete(page))["state"] == "the-state"


def test_the_back_button_after_the_answer_leads_forward_again(
    provider: Provider, clock: Any
) -> None:
    browser, client = provider.browser(), provider.register()
    page = client.authorize(browser, prompt="login")
    client.complete(page)
    clock.advance(60)
    page = follow_to_answer(submit(page))
    assert "consent" in page.forms
    assert "code" in client.answer(client.complete(page))


def test_a_stranger_who_knows_the_request_uri_is_refused(provider: Provider) -> None:
    client = provider.register()
    page = client.authorize(provider.browser())
    stranger = provider.browser()
    refused = stranger.get(page.request.path_qs, status=403)
    assert "another browser" in refused
    form_page = stranger.get("/login")
    refused = stranger.post(
        page.request.path_qs,
        {
            "username": "alice",
            "password": "valid",
            "csrf_token": form_page.forms["login"]["csrf_token"].value,
        },
        status=403,
    )
    assert SESSION not in stranger.cookies


def test_a_request_that_nobody_knows_any_more_still_lets_the_person_in(
    provider: Provider,
) -> None:
    browser, client = provider.browser(), provider.register()
    unknown = "urn:ietf:params:oauth:request_uri:ru_x"
    page = browser.get("/login", {"client_id": client.client_id, "request_uri": unknown})
    assert "login" in page.forms
    response = submit(page)
    assert response.location == f"{ISSUER}/?notice=restart"
    assert "Go back to the application and start again" in response.follow()


def test_what_became_invalid_meanwhile_is_told_by_the_authorization_endpoint(
    provider: Provider,
) -> None:
    browser, client = provider.browser(), provider.register()
    page = client.authorize(browser)
    with provider.database() as dbsession:
        registered = dbsession.merge(client.client)
        registered.client_metadata = {**registered.client_metadata, "response_types": []}
    assert client.answer(follow_to_answer(submit(page)))["error"] == "unauthorized_client"
    response = browser.get(page.request.path_qs)
    assert urlsplit(response.location).path == "/oauth/authorize"
    with provider.database() as dbsession:
        registered = dbsession.merge(client.client)
        registered.client_metadata = {**registered.client_metadata, "redirect_uris": []}
    assert follow_to_answer(browser.get(page.request.path_qs)).status_int == 400


# -- forged and stale forms


def test_a_form_from_another_origin_is_refused(provider: Provider) -> None:
    browser = provider.browser()
    page = submit(browser.get("/login"), headers={"Origin": "https://evil.example"})
    assert page.status_int == 403
    assert "sent from another site" in page
    assert SESSION not in browser.cookies


def test_our_own_origin_is_the_configured_one_not_the_host(provider: Provider) -> None:
    browser = provider.browser()
    forged = {"Origin": "http://evil.example", "Host": "evil.example"}
    page = browser.get("/login", headers=forged)
    assert submit(page, headers=forged).status_int == 403
    assert submit(browser.get("/login"), headers={"Origin": ISSUER}).status_int == 303


def test_a_form_with_files_is_none_of_ours(provider: Provider) -> None:
    browser = provider.browser()
    token = browser.get("/login").forms["login"]["csrf_token"].value
    files = [("username", "alice.txt", b"alice")]
    fields = {"csrf_token": token, "password": "valid"}
    assert browser.post("/login", fields, upload_files=files, status=415)
    files = [("csrf_token", "token.txt", token.encode())]
    assert browser.post("/login", {"username": "alice"}, upload_files=files, status=415)
    response = browser.post_json("/login", {"csrf_token": token}, status=403)
    assert SESSION not in browser.cookies
    assert response.content_type == "text/html"


def test_a_form_without_its_token_comes_back_fresh_and_keeps_request_and_name(
    provider: Provider,
) -> None:
    browser, client = provider.browser(), provider.register()
    page = client.authorize(browser)
    form = page.forms["login"]
    form["csrf_token"] = "stale"
    form["username"], form["password"] = "alice", "valid"
    again = form.submit(status=403)
    assert SESSION not in browser.cookies
    assert again.request.path_qs == page.request.path_qs
    assert again.forms["login"]["username"].value == "alice"
    assert again.forms["login"]["csrf_token"].value not in ("", "stale")
    assert "consent" in follow_to_answer(submit(again)).forms


def test_a_browser_that_lost_its_cookies_is_told_and_gets_a_form_that_works(
    provider: Provider,
) -> None:
    browser = provider.browser()
    page = browser.get("/login")
    browser.reset()
    again = submit(page)
    assert again.status_int == 403
    assert "allow cookies" in again
    assert submit(again).status_int == 303


# -- too many, too busy


def test_too_many_failures_from_one_address_are_told_to_wait(make_provider: Any) -> None:
    provider = make_provider(oidc__login_attempts_per_address="3")
    browser, client = provider.browser(), provider.register()
    page = client.authorize(browser)
    for number in range(3):
        page = submit(page, f"user {number}", "wrong")
        assert page.status_int == 403
    page = submit(page, "alice", "valid")
    assert page.status_int == 429
    assert 0 < int(page.headers["Retry-After"]) <= 900
    assert "Please try again in 15 minutes." in page
    assert "to continue to" in page
    assert page.forms["login"]["username"].value == "alice"


def test_the_password_grant_has_the_same_limits(make_provider: Any) -> None:
    provider = make_provider(oidc__login_attempts="3", oidc__login_attempts_per_address="5")
    client = provider.register(grant_types=["password"])

    def attempt(username: str, password: str) -> Any:
        return client.token(status="*", grant_type="password", username=username, password=password)

    for _ in range(3):
        assert attempt("alice", "wrong").json["error"] == "invalid_grant"
    assert attempt("alice", "valid").json["error"] == "invalid_grant"
    page = submit(provider.browser().get("/login"), "alice", "valid")
    assert page.status_int == 403
    refused = attempt("bob", "valid")
    assert refused.status_int == 429
    assert refused.content_type == "application/json"
    assert int(refused.headers["Retry-After"]) > 0
    assert "access_token" not in refused.json


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every core hashes a password."""

    def refuse(password: str, stored: str | None) -> bool:
        raise passwords.Busy(2)

    monkeypatch.setattr("oidcserver.accounts.directories.verify_password", refuse)


@pytest.mark.usefixtures("busy")
def test_a_busy_machine_asks_to_try_again(make_provider: Any) -> None:
    provider = make_provider(oidc__user_directory="database")
    page = submit(provider.browser().get("/login"))
    assert (page.status_int, page.headers["Retry-After"]) == (503, "2")
    assert page.forms["login"]["username"].value == "alice"
    client = provider.register(grant_types=["password"])
    refused = client.token(status=503, grant_type="password", username="a", password="b")
    assert refused.headers["Retry-After"] == "2"
    assert refused.json["error"] == "temporarily_unavailable"


def test_below_a_mount_point_every_url_begins_with_the_issuer_once(make_provider: Any) -> None:
    """As with a server that puts the application below a path and says so in SCRIPT_NAME."""
    provider = make_provider(oidc__issuer="http://localhost:6543/auth")
    browser = provider.browser()
    browser.extra_environ["SCRIPT_NAME"] = "/auth"
    page = browser.get("/forbidden-or-not", status=404, headers={"Accept": "text/html"})
    assert f'href="{provider.issuer}/"' in page
    page = browser.get("/login?next=/auth/account")
    assert 'href="/auth/oidcserver-static/oidcserver.css?' in page
    form = page.forms["login"]
    form["username"], form["password"], form["csrf_token"] = "alice", "valid", "stale"
    form.action = "/login?next=/auth/account"
    again = form.submit(status=403)
    form = again.forms["login"]
    form["username"], form["password"] = "alice", "valid"
    form.action = "/login?next=/auth/account"
    assert form.submit().location == "http://localhost:6543/auth/account"
