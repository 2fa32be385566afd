"""Several accounts in one browser: the chooser, hints, switching, and the end of one of them."""

from typing import Any

import pytest
import webtest
from sqlalchemy import select
from support.app import Browser, Provider, RelyingParty, decode_id_token, follow_to_answer
from support.devices import SETTINGS as DEVICES
from support.devices import ask, enter, register_device
from support.factors import enrolled
from support.upstream import Upstream

from oidcserver.models import LoginSession, PendingSignIn, User
from oidcserver.models.login_session import find_login_session
from oidcserver.models.user import find_user
from oidcserver.sessions import browser_accounts

LOGOUT = "https://client.example/signed-out"


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(client_name="Field Notes")


@pytest.fixture
def browser(provider: Provider) -> Browser:
    """A browser in which alice and then bob signed in: bob is the present account."""
    return with_both(provider)


def with_both(provider: Provider) -> Browser:
    browser = provider.browser()
    browser.sign_in("alice")
    add(browser, "bob")
    return browser


def add(browser: Browser, username: str) -> None:
    """Sign in as another user too."""
    form = browser.get("/login?switch=1").forms["login"]
    form["username"], form["password"] = username, "valid"
    form.submit(status=303)


def session_of(provider: Provider, username: str) -> LoginSession:
    """Return the session of a user; there is one."""
    with provider.database() as dbsession:
        own = select(LoginSession).join(User).where(User.username == username)
        session = dbsession.scalars(own).one()
        dbsession.expunge(session)
        return session


def live(provider: Provider) -> set[str]:
    """Return the users whose sessions have not ended."""
    with provider.database() as dbsession:
        names = select(User.username).join(LoginSession).where(LoginSession.ended_at.is_(None))
        return set(dbsession.scalars(names))


def switch_to(browser: Browser, provider: Provider, username: str) -> None:
    """Make an account the present one, in another tab."""
    form = browser.get("/login?switch=1").forms["continue"]
    form.submit("continue_as", value=session_of(provider, username).id, status=303)


def present(browser: Browser) -> str:
    """Return the user of the account page."""
    name: str = browser.get("/account", status=200).html.find(class_="who").find("bdi").text
    return name


def sub_of(client: RelyingParty, answer: webtest.TestResponse) -> str:
    """Redeem the code of an answer; return the ``sub`` of the ID token."""
    tokens = client.exchange(client.answer(answer)["code"])
    sub: str = decode_id_token(client.provider, tokens["id_token"])["sub"]
    return sub


def allowed(client: RelyingParty, browser: Browser, username: str) -> dict[str, Any]:
    """Let a user allow the client all it asks for, for good; return the claims of the ID token."""
    page = client.authorize(browser, login_hint=username)
    if "continue" in page.forms:
        page = follow_to_answer(page.forms["continue"].submit("continue_as"))
    form = page.forms["consent"]
    form["remember"] = True
    tokens = client.exchange(client.answer(form.submit("decision", value="allow").follow())["code"])
    return {**decode_id_token(client.provider, tokens["id_token"]), "hint": tokens["id_token"]}


@pytest.mark.both_databases
def test_another_account_is_added_and_the_chooser_offers_both(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    assert live(provider) == {"alice", "bob"}
    assert present(browser) == "bob"
    assert "Other accounts in this browser: <strong><bdi>alice</bdi>" in " ".join(
        browser.get("/account").text.split()
    )
    page = client.authorize(browser)
    assert "<h1>Choose an account</h1>" in page
    assert offered(page) == ["bob", "alice"]
    assert page.text.count("Last used <time") == 2
    chosen = session_of(provider, "alice")
    page = follow_to_answer(page.forms["continue"].submit("continue_as", value=chosen.id))
    assert "signed in as <strong><bdi>alice</bdi></strong>" in page
    assert sub_of(client, client.complete(page)) == chosen.user_id
    assert present(browser) == "alice"


def test_the_age_and_the_idleness_of_each_account_are_its_own(
    make_provider: Any, clock: Any
) -> None:
    provider = make_provider(oidc__session_idle_lifetime="1h")
    client, browser = provider.register(), provider.browser()
    browser.sign_in("alice")
    clock.advance(1000)
    add(browser, "bob")
    alice, bob = (allowed(client, browser, name) for name in ("alice", "bob"))
    assert bob["auth_time"] - alice["auth_time"] >= 1000
    recent = {"prompt": "none", "max_age": "600"}
    assert "code" in client.answer(client.authorize(browser, **recent, id_token_hint=bob["hint"]))
    answer = client.answer(client.authorize(browser, **recent, id_token_hint=alice["hint"]))
    assert answer["error"] == "login_required"
    page = client.authorize(browser, max_age="600", login_hint="alice")
    page = follow_to_answer(page.forms["continue"].submit("continue_as"))
    assert page.forms["login"]["username"].value == "alice"
    assert "continue" not in page.forms, "the chosen one has to sign in again"
    switch_to(browser, provider, "bob")
    for _ in range(3):
        clock.advance(1500)
        assert present(browser) == "bob"
    # The other one was idle too long, so there is nothing to choose.
    assert "code" in client.answer(client.authorize(browser))


def test_a_silent_request_is_answered_for_the_account_that_it_names(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    alice, bob = (allowed(client, browser, name) for name in ("alice", "bob"))
    assert alice["sub"] != bob["sub"]
    unnamed = client.answer(client.authorize(browser, prompt="none"))
    assert unnamed["error"] == "account_selection_required"
    wish = f'{{"id_token": {{"sub": {{"value": "{alice["sub"]}"}}}}}}'
    for named in ({"id_token_hint": alice["hint"]}, {"login_hint": "ALICE"}, {"claims": wish}):
        answer = client.authorize(browser, prompt="none", **named)
        assert sub_of(client, answer) == alice["sub"]
        assert present(browser) == "bob", "a silent request switches nothing"
    # Only while it is live; the other one never answers for it.
    switch_to(browser, provider, "alice")
    sign_out(browser)
    add(browser, "carol")
    for named in ({"id_token_hint": alice["hint"]}, {"login_hint": "alice"}, {"claims": wish}):
        answer = client.answer(client.authorize(browser, prompt="none", **named))
        assert answer["error"] == "login_required"
        assert "login" in client.authorize(browser, **named).forms
    bobs = client.authorize(browser, prompt="none", id_token_hint=bob["hint"])
    assert sub_of(client, bobs) == bob["sub"]


def test_a_hint_names_an_account_by_its_verified_address(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    alice = allowed(client, browser, "alice")
    allowed(client, browser, "bob")
    with provider.database() as dbsession:
        for name, address in (("alice", "a@stra\u00dfe.de"), ("bob", "a@strasse.de")):
            user = find_user(dbsession, name)
            assert user is not None
            user.claims = {"email": address, "email_verified": True}
    for hint in ("A@XN--STRAE-OQA.de", " a@Stra\u00dfe.de "):
        answer = client.authorize(browser, prompt="none", login_hint=hint)
        assert sub_of(client, answer) == alice["sub"]


def offered(page: webtest.TestResponse) -> list[str]:
    """Return the users that the page offers to continue as, in their order."""
    return [it.find("bdi").text for it in page.html.find(id="continue").find_all("button")]


@pytest.mark.both_databases
def test_a_link_of_another_site_does_not_change_the_present_account(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    hint = allowed(client, browser, "alice")["hint"]
    switch_to(browser, provider, "bob")
    subject = session_of(provider, "alice").user_id
    claims = f'{{"id_token": {{"sub": {{"value": "{subject}"}}}}}}'
    for named, names in (
        ({"login_hint": "alice"}, ["alice", "bob"]),
        ({"id_token_hint": hint}, ["alice"]),
        ({"claims": claims}, ["alice"]),
    ):
        page = client.authorize(browser, prompt="consent", **named)
        assert offered(page) == names
        assert present(browser) == "bob"
        assert browser.get(page.request.url).request.path == "/login", "nor when it is reloaded"
        page = follow_to_answer(page.forms["continue"].submit("continue_as"))
        assert "signed in as <strong><bdi>alice</bdi></strong>" in page
        assert present(browser) == "alice"
        switch_to(browser, provider, "bob")
    # Without a present account it is alike.
    sign_out(browser)
    page = client.authorize(browser, prompt="consent", login_hint="alice")
    assert offered(page) == ["alice"]
    assert browser.get("/account").status_int == 303


def test_the_named_account_is_the_first_that_the_user_may_switch_to(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    address = {"email": "bob@example.com", "email_verified": True}
    with provider.database() as dbsession:
        dbsession.scalars(select(User).where(User.username == "bob")).one().claims = address
    switch_to(browser, provider, "alice")
    page = client.authorize(browser, login_hint="Bob@example.com")
    assert offered(page) == ["bob", "alice"]
    page = follow_to_answer(page.forms["continue"].submit("continue_as"))
    assert "signed in as <strong><bdi>bob</bdi></strong>" in page
    # The user may overrule the hint.
    page = client.authorize(browser, login_hint="alice")
    page = follow_to_answer(page.forms["continue"].submit("continue_as", index=1))
    assert "signed in as <strong><bdi>bob</bdi></strong>" in page


def test_a_hint_of_nobody_here_lets_the_user_choose_or_sign_in(
    browser: Browser, client: RelyingParty
) -> None:
    page = client.authorize(browser, login_hint="carol")
    assert page.forms["login"]["username"].value == "carol"
    page = follow_to_answer(page.forms["continue"].submit("continue_as", index=1))
    assert "signed in as <strong><bdi>alice</bdi></strong>" in page


@pytest.mark.both_databases
def test_an_account_that_the_browser_does_not_have_cannot_be_chosen(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    other = provider.browser()
    other.sign_in("carol")
    page = client.authorize(browser)
    token = page.forms["continue"]["csrf_token"].value
    for session_id in (session_of(provider, "carol").id, "x", ""):
        for path in (page.request.path_qs, "/login?switch=1"):
            fields = {"csrf_token": token, "continue_as": session_id}
            refused = browser.post(path, fields, status=403)
            assert "no longer signed in in this browser" in refused
    assert present(browser) == "bob"
    assert present(other) == "carol"


def test_forms_of_the_account_before_do_nothing_after_a_switch(make_provider: Any) -> None:
    upstream = Upstream()
    settings = {
        **DEVICES,
        **upstream.settings(),
        "oidc__pages": "home login consent logout account device password profile leave",
    }
    provider = make_provider(**settings)
    client, device = provider.register(), register_device(provider)
    browser = provider.browser()
    browser.sign_in("alice")
    asking = enter(browser, ask(device)["user_code"])
    forms = {
        "consent": client.authorize(browser).forms["consent"],
        "device": asking.forms["decision"],
        "code": browser.get("/device").forms["device"],
        "connection": browser.get("/account/connections").forms["connect-other"],
        "password": browser.get("/account/password").forms["password-form"],
        "profile": browser.get("/account/profile").forms["profile"],
        "logout": browser.get("/logout").forms["logout"],
    }
    forms["code"]["user_code"] = ask(device)["user_code"]
    forms["profile"]["nickname"] = "Mal"
    forms["password"]["password"] = "valid"
    forms["password"]["new_password"] = "orbiting lighthouse sandwich"
    add(browser, "bob")
    for name, form in forms.items():
        button = ("decision", "allow") if "decision" in form.fields else (None, None)
        refused = form.submit(button[0], value=button[1], status=403)
        assert "switched to another account" in refused, name
    upstream.close()
    assert live(provider) == {"alice", "bob"}
    with provider.database() as dbsession:
        assert all(
            not user.claims and not user.password_hash for user in dbsession.scalars(select(User))
        )
    # What was asked waits for the account that was asked.
    switch_to(browser, provider, "alice")
    forms["consent"].submit("decision", value="allow", status=303)
    assert "connected" in follow_to_answer(forms["device"].submit("decision", value="allow"))


@pytest.mark.both_databases
def test_a_sign_in_that_waits_ends_with_the_choice_of_another_account(
    make_provider: Any, clock: Any
) -> None:
    provider = make_provider(oidc__second_factors="totp")
    enrolled(provider, clock, "bob")
    browser = provider.browser()
    browser.sign_in("alice")
    add(browser, "bob")
    assert browser.get("/login/second-factor").location.endswith("/login/totp")
    switch_to(browser, provider, "alice")
    with provider.database() as dbsession:
        assert all(it.used_at for it in dbsession.scalars(select(PendingSignIn)))
    assert "Set up: Authenticator app" in browser.get("/account/factors")


def sign_out(browser: Browser, **submit: Any) -> webtest.TestResponse:
    return follow_to_answer(browser.get("/logout").forms["logout"].submit(**submit))


def test_signing_out_leaves_the_other_account_which_is_not_used_by_itself(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    page = sign_out(browser)
    assert live(provider) == {"alice"}
    assert "Other accounts in this browser" in page
    assert browser.get("/account").location.endswith("/login?next=%2Faccount")
    silent = client.answer(client.authorize(browser, prompt="none"))
    assert silent["error"] == "login_required"
    page = client.authorize(browser)
    page = follow_to_answer(page.forms["continue"].submit("continue_as"))
    assert "signed in as <strong><bdi>alice</bdi></strong>" in page


def test_all_accounts_of_the_browser_are_signed_out(provider: Provider, browser: Browser) -> None:
    elsewhere = provider.browser()
    elsewhere.sign_in("carol")
    assert "no longer signed in" in sign_out(browser, name="accounts")
    assert live(provider) == {"carol"}
    assert "continue" not in browser.get("/login").forms


def test_after_one_signed_out_the_page_signs_the_rest_out(
    provider: Provider, browser: Browser
) -> None:
    page = sign_out(browser)
    page.forms["logout"].submit("accounts")
    assert live(provider) == set()


@pytest.mark.both_databases
def test_an_application_signs_out_the_account_of_its_hint_alone(make_provider: Any) -> None:
    provider = make_provider(oidc__logout_channels="frontchannel")
    browser = with_both(provider)
    clients = [
        provider.register(
            frontchannel_logout_uri=f"https://{host}.example/out",
            redirect_uris=[f"https://{host}.example/cb"],
            post_logout_redirect_uris=[LOGOUT],
        )
        for host in ("one", "two")
    ]
    alice = allowed(clients[0], browser, "alice")
    bob = allowed(clients[1], browser, "bob")
    assert present(browser) == "bob"
    page = browser.get("/oauth/end_session", {"id_token_hint": alice["hint"]})
    frames = [frame["src"] for frame in page.html.find_all("iframe")]
    assert len(frames) == 1
    assert f"sid={alice['sid']}" in frames[0]
    assert live(provider) == {"bob"}
    assert present(browser) == "bob"
    query = {"id_token_hint": alice["hint"], "post_logout_redirect_uri": LOGOUT}
    assert "/logout?" in browser.get("/oauth/end_session", query).location, "bob is asked"
    browser.get("/oauth/end_session", {"id_token_hint": bob["hint"]})
    assert live(provider) == set()


def test_beyond_the_limit_the_account_ends_that_was_used_least_recently(
    make_provider: Any,
) -> None:
    provider = make_provider(oidc__accounts_per_browser="2")
    browser = with_both(provider)
    switch_to(browser, provider, "alice")
    add(browser, "carol")
    assert live(provider) == {"alice", "carol"}
    add(browser, "alice")
    assert live(provider) == {"alice", "carol"}, "who signs in again takes no place"


def test_with_one_account_a_browser_a_sign_in_signs_the_one_before_out(
    make_provider: Any,
) -> None:
    provider = make_provider(oidc__accounts_per_browser="1")
    client, browser = provider.register(), provider.browser()
    browser.sign_in("alice")
    page = client.authorize(browser, prompt="select_account")
    assert "This signs <bdi>alice</bdi> out of this browser" in page
    client.complete(page, "bob")
    assert live(provider) == {"bob"}
    assert not any("accounts" in name for name in browser.cookies)


def test_a_cookie_of_others_gives_nothing(provider: Provider, browser: Browser) -> None:
    name = next(it for it in browser.cookies if it.endswith("_accounts"))
    token = browser.cookies[name]
    for value in ("x", "." * 100, f"{token}.{token}", token[:-1], "ls_" + "a" * 43):
        browser.set_cookie(name, value)
        assert present(browser) == "bob"
        buttons = browser.get("/login?switch=1").html.find(id="continue").find_all("button")
        assert len(buttons) == (2 if token in value else 1)


def test_in_a_browser_with_one_account_one_session_is_read(
    provider: Provider, client: RelyingParty, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = provider.browser()
    browser.sign_in("alice")
    alice = allowed(client, browser, "alice")
    read: list[str] = []

    def find(database: Any, token: str, idle: int) -> Any:
        read.append(token)
        return find_login_session(database, token, idle)

    monkeypatch.setattr(browser_accounts, "find_login_session", find)
    for hint in ({}, {"id_token_hint": alice["hint"]}, {"login_hint": "alice"}):
        assert "code" in client.answer(client.authorize(browser, prompt="none", **hint))
        assert len(read) == 1
        read.clear()


def test_the_browser_state_changes_with_the_accounts_and_not_with_the_switch(
    make_provider: Any,
) -> None:
    endpoints = "authorization token end_session jwks openid_configuration check_session"
    provider = make_provider(oauth__endpoints=endpoints, oidc__logout_channels="frontchannel")
    client = provider.register(frontchannel_logout_uri="https://client.example/out")
    browser = provider.browser()
    browser.sign_in("alice")

    def state() -> str:
        value: str = browser.cookies[next(it for it in browser.cookies if it.endswith("_state"))]
        return value

    alice = allowed(client, browser, "alice")
    one = state()
    add(browser, "bob")
    both = state()
    assert both != one
    switch_to(browser, provider, "alice")
    silent = client.authorize(browser, prompt="none", id_token_hint=alice["hint"])
    assert "session_state" in client.answer(silent)
    assert state() == both
    browser.get("/oauth/end_session", {"id_token_hint": alice["hint"]})
    assert state() not in {one, both}


def test_the_demanded_group_is_that_of_the_chosen_account(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    with provider.database() as dbsession:
        dbsession.scalars(select(User).where(User.username == "alice")).one().claims = {
            "groups": ["staff"]
        }
        dbsession.get_one(type(client.client), client.client_id).allowed_groups = ["staff"]
    page = client.authorize(browser)
    assert "continue" in page.forms, "bob, who is in no group, is not answered for"
    answers = {
        name: follow_to_answer(
            page.forms["continue"].submit("continue_as", value=session_of(provider, name).id)
        )
        for name in ("alice", "bob")
    }
    assert "consent" in answers["alice"].forms
    assert client.answer(answers["bob"])["error"] == "access_denied"


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("zo\u00eb@example.com", " zoe\u0308@EXAMPLE.com "),
    ],
)
def test_a_hint_names_an_address_in_any_spelling(
    provider: Provider, browser: Browser, client: RelyingParty, address: str, hint: str
) -> None:
    with provider.database() as dbsession:
        alice = dbsession.scalars(select(User).where(User.username == "alice")).one()
        alice.claims = {"email": address, "email_verified": True}
    assert offered(client.authorize(browser, login_hint=hint)) == ["alice", "bob"]
    assert offered(client.authorize(browser, login_hint="nobody")) == ["bob", "alice"]
