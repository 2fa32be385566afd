"""Consent: what the page says, what a decision does, and when it is asked for."""

from typing import Any

import pytest
from sqlalchemy import select
from support.app import Browser, Provider, RelyingParty, follow_to_answer
from support.changed_client import change

from oidcserver.models import AuthorizationCode, Consent, SuspendedRequest
from oidcserver.oauth.events import OAuthEvent

ALL = "openid profile email offline_access"


@pytest.fixture
def browser(provider: Provider) -> Browser:
    """A browser in which alice is signed in."""
    browser = provider.browser()
    browser.sign_in()
    return browser


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    """A relying party."""
    return provider.register(client_name="Field Notes")


def decide(page: Any, decision: str, *, remember: bool | None = None) -> Any:
    """Press a button of the consent page; return the answer to the client."""
    form = page.forms["consent"]
    if remember is not None:
        form["remember"] = remember
    return follow_to_answer(form.submit("decision", value=decision))


def consents(provider: Provider) -> list[tuple[str, bool]]:
    """Return scope and memory of every stored consent."""
    with provider.database() as dbsession:
        return [(row.scope, row.remembered) for row in dbsession.scalars(select(Consent))]


# -- the page


def test_it_says_who_asks_for_what_in_plain_words(browser: Browser, client: RelyingParty) -> None:
    page = client.authorize(browser, scope=ALL)
    assert "<bdi>Field Notes</bdi> asks for access</h1>" in page
    assert "<strong><bdi>client.example</bdi></strong>" in page
    assert "signed in as <strong><bdi>alice</bdi></strong>" in page
    for sentence in ("Know that it is you", "See your email address", "Keep this access"):
        assert sentence in page
    assert "This access continues after you sign out here." in page
    assert "offline_access</li>" not in page


def test_to_refuse_is_as_prominent_as_to_allow(browser: Browser, client: RelyingParty) -> None:
    page = client.authorize(browser)
    assert '<button type="submit" class="button answer" name="decision" value="deny">' in page
    assert '<button type="submit" class="button answer" name="decision" value="allow">' in page


def test_what_a_client_says_about_itself_is_inert(browser: Browser, provider: Provider) -> None:
    client = provider.register(
        client_name="<script>alert(1)</script>",
        client_uri="https://client.example/",
        policy_uri="https://client.example/privacy?a=1&b=2",
        tos_uri="https://client.example/terms",
        logo_uri="https://images.example/logo.png",
    )
    page = client.authorize(browser)
    assert "<script>" not in page
    assert 'href="https://client.example/privacy?a=1&amp;b=2" rel="noreferrer' in page
    assert 'href="https://client.example/terms" rel="noreferrer' in page
    assert "images.example" not in page
    assert "img-src 'self';" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "metadata",
    [
        {"policy_uri": "javascript:alert(1)"},
        {"tos_uri": "data:text/html,x"},
        {"client_uri": "https://a@evil.example/"},
        {"logo_uri": "http://images.example/logo.png"},
        {"logo_uri": "https://images.example;script-src/logo.png"},
        {"logo_uri": "javascript:alert(1)"},
        {"policy_uri": 7, "logo_uri": ["x"]},
    ],
)
def test_links_that_are_no_web_pages_are_left_out(
    browser: Browser, provider: Provider, client: RelyingParty, metadata: dict[str, Any]
) -> None:
    with provider.database() as dbsession:
        registered = dbsession.merge(client.client)
        registered.client_metadata = {**registered.client_metadata, **metadata}
    page = client.authorize(browser)
    assert "<img" not in page
    assert 'class="links' not in page
    assert "img-src 'self';" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("redirect_uri", "destination"),
    [
        ("http://127.0.0.1/cb", "127.0.0.1"),
        ("com.example.app:/cb", "an application on this device (com.example.app)"),
    ],
)
def test_an_application_on_the_device_is_shown_as_such_and_its_button_works(
    provider: Provider, browser: Browser, redirect_uri: str, destination: str
) -> None:
    client = provider.register(
        redirect_uris=[redirect_uri],
        application_type="native",
        token_endpoint_auth_method="none",
    )
    page = client.authorize(browser)
    assert f"<strong><bdi>{destination}</bdi></strong>" in page
    assert decide(page, "allow").location.startswith(redirect_uri)


# -- the decision


def test_to_allow_gives_the_client_what_was_shown(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    answer = client.answer(decide(client.authorize(browser, scope="openid email"), "allow"))
    assert client.exchange(answer["code"])["scope"] == "openid email"
    assert consents(provider) == [("openid email", False)]


def test_to_refuse_tells_the_client_with_state_and_issuer(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    answer = client.answer(decide(client.authorize(browser), "deny"))
    assert answer["error"] == "access_denied"
    assert answer["state"] == "the-state"
    assert answer["iss"] == provider.issuer
    assert "code" not in answer
    assert consents(provider) == []


def test_decisions_are_announced(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    seen: list[OAuthEvent] = []
    provider.registry.registerHandler(seen.append, (OAuthEvent,))
    decide(client.authorize(browser), "deny")
    decide(client.authorize(browser), "allow")
    names = [event.name for event in seen]
    assert "authorization_denied" in names
    assert "consent_granted" in names


def test_a_double_click_gives_one_code_and_one_consent(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    page = client.authorize(browser)
    first, second = decide(page, "allow"), decide(page, "allow")
    assert client.answer(first)["code"] == client.answer(second)["code"]
    with provider.database() as dbsession:
        assert len(dbsession.scalars(select(AuthorizationCode)).all()) == 1
    assert len(consents(provider)) == 1


def test_a_second_click_gets_another_code_once_the_first_is_redeemed(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    """A client that redeems what it gets would else end its own tokens."""
    page = client.authorize(browser)
    first = client.exchange(client.answer(decide(page, "allow"))["code"])
    second = client.answer(decide(page, "allow"))
    third = client.answer(decide(page, "allow"))
    assert second["state"] == "the-state"
    assert second["code"] == third["code"]
    tokens = client.exchange(second["code"])
    for token in (first["access_token"], tokens["access_token"]):
        assert client.introspect(token)["active"]
    assert len(consents(provider)) == 1


def test_markup_that_comes_from_elsewhere_is_text_on_the_pages_that_lead_out(
    provider: Provider,
) -> None:
    """These pages have no form-action, so nothing may bring a form of its own."""
    form = "<form action=//evil.example><button formaction=a>"
    client = provider.register(client_name=form)
    browser = provider.browser()
    pages = [client.authorize(browser, login_hint=form)]
    login = pages[0].forms["login"]
    login["username"], login["password"] = form, "wrong"
    pages.append(login.submit(status=403))
    login["password"] = "valid"
    pages.append(follow_to_answer(login.submit()))
    pages.append(client.authorize(browser, prompt="select_account"))
    for page in pages:
        assert "form-action" not in page.headers["Content-Security-Policy"]
        assert "evil.example" in page
        assert "<form action" not in page
        assert "<button formaction" not in page


def test_the_first_decision_stands(
    provider: Provider, client: RelyingParty, browser: Browser
) -> None:
    page = client.authorize(browser)
    form = page.forms["consent"]
    form.submit("decision", value="deny")
    form.submit("decision", value="allow")
    answer = client.answer(follow_to_answer(browser.get(page.request.path_qs)))
    assert answer["error"] == "access_denied"
    assert consents(provider) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": "openid email phone"},
        {"scope": "openid"},
        {"client_name": "Your Bank"},
        {"policy_uri": "https://client.example/other"},
        {"grant_types": ["authorization_code"]},
    ],
)
def test_a_client_that_changed_since_the_page_was_opened_is_shown_again(
    provider: Provider, browser: Browser, changes: dict[str, Any]
) -> None:
    client = provider.register(scope="openid email")
    page = client.authorize(browser, scope="openid email phone")
    change(provider, client, **changes)
    again = page.forms["consent"].submit("decision", value="allow", status=409)
    assert "The application has changed since you opened this page." in again
    assert consents(provider) == []
    answer = client.answer(decide(again, "allow"))
    assert client.exchange(answer["code"])["scope"] == changes.get("scope", "openid email")


def test_to_deny_needs_no_second_look(provider: Provider, browser: Browser) -> None:
    client = provider.register(scope="openid email")
    page = client.authorize(browser)
    change(provider, client, client_name="Your Bank")
    assert client.answer(decide(page, "deny"))["error"] == "access_denied"


def test_a_form_that_does_not_say_what_was_shown_allows_nothing(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    form = client.authorize(browser).forms["consent"]
    for digest in ("", "0" * 64):
        form["shown"] = digest
        form.submit("decision", value="allow", status=409)
    assert consents(provider) == []


def test_a_word_that_is_no_decision_decides_nothing(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    page = client.authorize(browser)
    for word in ("", "ALLOW", "perhaps"):
        again = follow_to_answer(page.forms["consent"].submit("decision", value=word))
        assert "consent" in again.forms
    assert consents(provider) == []


def test_a_post_without_its_token_or_from_elsewhere_decides_nothing(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    page = client.authorize(browser)
    form = page.forms["consent"]
    refused = form.submit(
        "decision", value="allow", headers={"Origin": "https://evil.example"}, status=403
    )
    assert "sent from another site" in refused
    form["csrf_token"] = "x"
    refused = form.submit("decision", value="allow", status=403)
    assert "consent" in refused.click("Open the page again").forms
    with provider.database() as dbsession:
        assert dbsession.scalars(select(SuspendedRequest.decided_by)).all() == [None]


# -- other people, other browsers, other times


def test_a_stranger_who_knows_the_request_uri_is_refused(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    page = client.authorize(browser)
    stranger = provider.browser()
    stranger.sign_in("mallory")
    assert "another browser" in stranger.get(page.request.path_qs, status=403)
    fields = dict(page.forms["consent"].submit_fields("decision"))
    token = stranger.get("/").forms[0]["csrf_token"].value
    fields.update(csrf_token=token, decision="allow")
    stranger.post(page.request.path_qs, fields, status=403)
    assert consents(provider) == []


def test_another_account_signs_in_for_the_same_request(
    browser: Browser, client: RelyingParty
) -> None:
    page = client.authorize(browser)
    switched = follow_to_answer(page.forms[0].submit("decision", value="switch"))
    assert "to continue to" in switched
    form = switched.forms["login"]
    assert form["username"].value == ""
    form["username"], form["password"] = "bob", "valid"
    page = follow_to_answer(form.submit())
    assert "signed in as <strong><bdi>bob</bdi></strong>" in page
    assert client.answer(decide(page, "allow"))["state"] == "the-state"


def test_to_switch_accounts_signs_nobody_out_before_another_signs_in(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    """The other tabs, and the other applications, know nothing of it."""
    other = provider.register()
    tokens = other.exchange(other.login(browser, scope="openid profile")["code"])
    page = client.authorize(browser)
    switched = follow_to_answer(page.forms[0].submit("decision", value="switch"))
    assert "<h1>Choose an account</h1>" in switched
    assert other.introspect(tokens["access_token"])["active"]
    page = follow_to_answer(switched.forms["continue"].submit("continue_as"))
    assert "signed in as <strong><bdi>alice</bdi></strong>" in page
    assert client.answer(decide(page, "allow"))["state"] == "the-state"
    assert other.introspect(tokens["access_token"])["active"]


@pytest.mark.parametrize("prompt", ["login", "consent", "select_account", "login consent"])
def test_to_switch_accounts_works_whatever_the_request_asked_for(
    browser: Browser, client: RelyingParty, prompt: str
) -> None:
    page = client.authorize(browser, prompt=prompt)
    if "continue" in page.forms:
        page = follow_to_answer(page.forms["continue"].submit("continue_as"))
    elif "login" in page.forms:
        page = _log_in(page, "alice")
    switched = follow_to_answer(page.forms[0].submit("decision", value="switch"))
    page = _log_in(switched, "bob")
    assert "signed in as <strong><bdi>bob</bdi></strong>" in page
    assert client.answer(decide(page, "allow"))["state"] == "the-state"


def _log_in(page: Any, username: str) -> Any:
    form = page.forms["login"]
    form["username"], form["password"] = username, "valid"
    return follow_to_answer(form.submit())


def test_a_page_shown_to_one_person_decides_nothing_for_another(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    page = client.authorize(browser)
    browser.post("/logout", {"csrf_token": page.forms["consent"]["csrf_token"].value})
    browser.sign_in("bob")
    refused = page.forms["consent"].submit("decision", value="allow", status=403)
    assert "switched to another account" in refused
    assert consents(provider) == []


def test_who_is_signed_out_meanwhile_signs_in_and_is_asked(
    provider: Provider, browser: Browser, client: RelyingParty, clock: Any
) -> None:
    page = client.authorize(browser)
    clock.advance(3700)
    login = decide(page, "allow")
    assert "login" in login.forms
    assert consents(provider) == []
    assert "code" in client.answer(client.complete(login))


def test_a_page_left_open_until_its_request_expired_still_decides(
    make_provider: Any, clock: Any
) -> None:
    provider = make_provider(oidc__session_idle_lifetime="1d", oidc__session_max_lifetime="2d")
    browser, client = provider.browser(), provider.register()
    browser.sign_in()
    page = client.authorize(browser)
    clock.advance(12 * 3600)
    assert client.answer(decide(page, "allow"))["state"] == "the-state"


def test_an_unknown_request_uri_gets_the_page_of_the_authorization_endpoint(
    browser: Browser, client: RelyingParty
) -> None:
    query = f"client_id={client.client_id}&request_uri=urn:ietf:params:oauth:request_uri:ru_x"
    page = follow_to_answer(browser.get(f"/consent?{query}", expect_errors=True))
    assert page.status_int == 400
    assert "Start again at the application" in page


def test_a_visit_out_of_the_blue_is_no_error_of_ours(
    browser: Browser, client: RelyingParty
) -> None:
    known = client.authorize(browser).request.params["request_uri"]
    for query in (
        {},
        client.parameters(),
        {"request_uri": "https://client.example/request"},
        {"client_id": client.client_id},
        [("client_id", client.client_id), ("request_uri", known), ("request_uri", known)],
        {"client_id": "another", "request_uri": known},
    ):
        page = follow_to_answer(browser.get("/consent", query, expect_errors=True))
        assert page.status_int == 400 or client.answer(page)["error"] == "invalid_request"


# -- memory


def test_without_remember_it_is_asked_again(browser: Browser, client: RelyingParty) -> None:
    decide(client.authorize(browser), "allow")
    assert "consent" in client.authorize(browser).forms


def test_what_is_remembered_is_not_asked_again(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    decide(client.authorize(browser, scope=ALL), "allow", remember=True)
    assert consents(provider) == [(ALL, True)]
    assert "code" in client.answer(client.authorize(browser, scope="openid email"))
    assert "code" in client.answer(client.authorize(browser, scope=ALL, prompt="none"))


def test_another_client_or_person_is_asked(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    decide(client.authorize(browser), "allow", remember=True)
    assert "consent" in provider.register().authorize(browser).forms
    other = provider.browser()
    other.sign_in("bob")
    assert "consent" in client.authorize(other).forms


def test_a_second_consent_shows_only_what_is_new(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    decide(client.authorize(browser, scope="openid profile"), "allow", remember=True)
    page = client.authorize(browser, scope=ALL)
    new, _, earlier = page.text.partition("<details>")
    assert "It now also wants to" in new
    assert "See your email address" in new
    assert "See your name" not in new
    assert "Access that you allowed before" in earlier
    assert "See your name" in earlier
    assert page.forms["consent"]["remember"].checked
    answer = client.answer(decide(page, "allow"))
    assert set(client.exchange(answer["code"])["scope"].split()) == set(ALL.split())
    assert consents(provider) == [(ALL, True)]


def test_to_refuse_what_is_new_keeps_what_was_allowed(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    decide(client.authorize(browser, scope="openid"), "allow", remember=True)
    decide(client.authorize(browser, scope="openid email"), "deny")
    assert consents(provider) == [("openid", True)]


def test_prompt_consent_asks_for_all_of_it_again(browser: Browser, client: RelyingParty) -> None:
    decide(client.authorize(browser), "allow", remember=True)
    page = client.authorize(browser, prompt="consent")
    assert "It wants to" in page
    assert "See your name" in page
    assert "<details>" not in page
    assert "code" in client.answer(decide(page, "allow"))


def test_the_box_says_whether_it_is_remembered_from_now_on(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    decide(client.authorize(browser), "allow", remember=True)
    decide(client.authorize(browser, prompt="consent"), "allow", remember=False)
    assert consents(provider) == [("openid profile", False)]
    assert "consent" in client.authorize(browser).forms


@pytest.mark.parametrize(
    ("redirect_uri", "spared"),
    [
        ("com.example.app:/cb", False),
        ("http://127.0.0.1/cb", False),
        ("https://app.example/cb", True),
    ],
)
def test_what_anything_on_the_device_may_pose_as_is_never_remembered(
    provider: Provider, browser: Browser, redirect_uri: str, spared: bool
) -> None:
    """RFC 8252 section 8.6."""
    client = provider.register(
        redirect_uris=[redirect_uri],
        application_type="native",
        token_endpoint_auth_method="none",
    )
    page = client.authorize(browser)
    assert ("remember" in page.forms["consent"].fields) is spared
    decide(page, "allow", remember=True if spared else None)
    response = client.authorize(browser)
    assert ("consent" in response.forms if response.status_int == 200 else False) is not spared


@pytest.mark.both_databases
def test_what_was_allowed_once_is_not_remembered_with_what_is_allowed_later(
    make_provider: Any,
) -> None:
    provider = make_provider()
    browser, client = provider.browser(), provider.register()
    browser.sign_in()
    once = {"scope": "openid email", "claims": '{"userinfo": {"phone_number": null}}'}
    decide(client.authorize(browser, **once), "allow", remember=False)
    decide(client.authorize(browser, scope="openid profile"), "allow", remember=True)
    for asked in (
        {"scope": "openid email"},
        {"scope": "openid", "claims": '{"userinfo": {"email": null}}'},
        {"scope": "openid", "claims": '{"userinfo": {"phone_number": null}}'},
    ):
        answer = client.answer(client.authorize(browser, **asked, prompt="none"))
        assert answer["error"] == "consent_required"
    assert "code" in client.answer(client.authorize(browser, prompt="none"))
    new, _, earlier = client.authorize(browser, **once).text.partition("<details>")
    assert "See your email address" in new
    assert "See your phone number" in new
    assert "Know that it is you" in earlier


def test_to_be_asked_again_forgets_all_that_was_remembered(
    browser: Browser, client: RelyingParty
) -> None:
    decide(client.authorize(browser, scope="openid email"), "allow", remember=True)
    decide(client.authorize(browser, scope="openid profile"), "allow", remember=False)
    decide(client.authorize(browser, scope="openid"), "allow", remember=True)
    for scope in ("openid email", "openid profile"):
        answer = client.answer(client.authorize(browser, scope=scope, prompt="none"))
        assert answer["error"] == "consent_required"


def test_a_request_that_is_never_remembered_forgets_nothing(
    provider: Provider, browser: Browser
) -> None:
    client = provider.register(
        redirect_uris=["https://app.example/cb", "com.example.app:/cb"],
        application_type="native",
        token_endpoint_auth_method="none",
    )
    decide(client.authorize(browser), "allow", remember=True)
    decide(client.authorize(browser, redirect_uri="com.example.app:/cb"), "allow")
    assert "code" in client.answer(client.authorize(browser, prompt="none"))


@pytest.mark.parametrize(
    ("scope", "grant_types", "sentence"),
    [
        ("openid", ["authorization_code"], "The access ends after 10 minutes."),
        (
            "openid",
            ["authorization_code", "refresh_token"],
            "The access ends when you sign out here, at the latest after 12 hours.",
        ),
        (
            "openid offline_access",
            ["authorization_code", "refresh_token"],
            "The access ends when you withdraw it, when it is not used for 14 days, "
            "or after 90 days.",
        ),
    ],
)
def test_the_page_says_how_long_the_access_lasts(
    provider: Provider, browser: Browser, scope: str, grant_types: list[str], sentence: str
) -> None:
    page = provider.register(grant_types=grant_types).authorize(browser, scope=scope)
    assert sentence in page


def test_the_page_says_that_nobody_checked_a_client_that_registered_itself(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    assert "registered itself" not in client.authorize(browser)
    with provider.database() as dbsession:
        dbsession.merge(client.client).self_registered = True
    page = client.authorize(browser)
    assert "registered itself. Its operator has not been verified." in page
