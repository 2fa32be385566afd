"""A client that registered itself: the user is asked before an error or a sign-out leads there.

RFC 9700 section 4.11.2. An attacker registers a client to have this server redirect to his page.
"""

from typing import Any

import pytest
import webtest
from support.app import Browser, Provider, RelyingParty, follow_to_answer
from support.changed_client import change

from oidcserver.models import Client

EVIL = "https://evil.example/cb"
#: What a browser adds when it opens a page, and when it loads a frame.
PAGE, FRAME = {"Sec-Fetch-Dest": "document"}, {"Sec-Fetch-Dest": "iframe"}


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    """A provider at which everybody may register clients."""
    made: Provider = make_provider(
        oauth__endpoints="authorization token registration jwks introspection end_session",
        oauth__registration="open",
    )
    return made


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    """A client that registered itself."""
    metadata = {
        "redirect_uris": [EVIL], "post_logout_redirect_uris": [EVIL], "client_name": "Your Bank",
    }  # fmt: skip
    registered = webtest.TestApp(provider.wsgi).post_json("/oauth/register", metadata).json
    with provider.database() as dbsession:
        row = dbsession.get_one(Client, registered["client_id"])
        dbsession.expunge(row)
    return RelyingParty(provider, row, registered["client_secret"])


def authorize(client: RelyingParty, browser: Browser, headers: Any, **changes: Any) -> Any:
    """Send the browser to the authorization endpoint, with what it says of itself."""
    parameters = client.parameters(redirect_uri=EVIL, **changes)
    return browser.get("/oauth/authorize", parameters, headers=headers, status="*")


def assert_asked(page: Any, error: str) -> None:
    """Check that the page leaves it to the user to go on, and takes the error along."""
    assert page.status_int == 400
    assert "Location" not in page.headers
    assert "its operator has not been verified" in page
    assert "Your Bank" not in page
    link = page.html.find("a", id="onward")
    assert link.text == "Continue to evil.example"
    assert len(link.contents) == 1, "a flex container drops the spaces between several"
    assert link["href"].replace("#", "?").startswith(f"{EVIL}?error={error}&")
    assert "state=the-state" in link["href"]
    assert "script" not in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize("headers", [PAGE, FRAME, {}])
@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"scope": "nothing"}, "invalid_scope"),
        ({"response_type": "token"}, "unauthorized_client"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"code_challenge_method": "none"}, "invalid_request"),
    ],
)
def test_nobody_is_sent_there_by_a_wrong_request(
    provider: Provider, client: RelyingParty, headers: Any, wrong: Any, error: str
) -> None:
    for browser in (provider.browser(), provider.browser()):
        assert_asked(authorize(client, browser, headers, **wrong), error)
        browser.sign_in()


def test_whoever_denies_is_not_sent_there_either(provider: Provider, client: RelyingParty) -> None:
    browser = provider.browser()
    browser.sign_in()
    page = follow_to_answer(authorize(client, browser, PAGE))
    assert "Its operator has not been verified" in page
    denied = page.forms["consent"].submit("decision", value="deny")
    assert_asked(denied.follow(status=400), "access_denied")


def test_a_silent_request_of_a_frame_is_answered_by_itself(
    provider: Provider, client: RelyingParty
) -> None:
    """OpenID Connect Core section 3.1.2.1 allows no page there; nor would anybody see it."""
    answer = authorize(client, provider.browser(), FRAME, prompt="none")
    assert client.answer(answer)["error"] == "login_required"
    assert client.answer(authorize(client, provider.browser(), {}, prompt="none"))["error"]
    page = authorize(client, provider.browser(), PAGE, prompt="none")
    assert_asked(page, "login_required")


def test_who_allowed_the_client_trusts_it_until_it_changes(
    provider: Provider, client: RelyingParty, clock: Any
) -> None:
    clock.advance(1)
    browser = provider.browser()
    client.login(browser, redirect_uri=EVIL)
    answer = authorize(client, browser, PAGE, scope="nothing")
    assert client.answer(answer)["error"] == "invalid_scope"
    change(provider, client, contacts=["somebody@evil.example"])
    assert_asked(authorize(client, browser, PAGE, scope="nothing"), "invalid_scope")
    clock.advance(1)
    client.login(browser, redirect_uri=EVIL, prompt="consent")
    answer = authorize(client, browser, PAGE, scope="nothing")
    assert client.answer(answer)["error"] == "invalid_scope"


def test_a_posted_error_has_a_button(provider: Provider, client: RelyingParty) -> None:
    page = authorize(client, provider.browser(), PAGE, scope="nothing", response_mode="form_post")
    form = page.forms["onward"]
    assert form.action == EVIL
    assert form["error"].value == "invalid_scope"
    assert "form-action" not in page.headers["Content-Security-Policy"]
    assert "<script" not in page


def test_a_client_that_somebody_vouches_for_gets_its_errors(provider: Provider) -> None:
    client = provider.register()
    answer = client.authorize(provider.browser(), scope="nothing")
    assert client.answer(answer)["error"] == "invalid_scope"


def test_an_id_token_of_the_attacker_sends_nobody_there(
    provider: Provider, client: RelyingParty
) -> None:
    """It is a hint of another session, or of none where nobody is signed in."""
    code = client.login(provider.browser(), redirect_uri=EVIL)["code"]
    hint = client.exchange(code, redirect_uri=EVIL)["id_token"]
    parameters = {"id_token_hint": hint, "post_logout_redirect_uri": EVIL, "state": "the-state"}
    stranger = provider.browser()
    for answer in (
        stranger.get("/oauth/end_session", parameters),
        stranger.post("/oauth/end_session", parameters).follow(),
    ):
        page = answer.follow()
        assert "Its operator has not been verified" in page
        assert "Your Bank" not in page
        [link] = [it for it in page.html.main.find_all("a") if "evil" in it["href"]]
        assert link.get_text() == "Continue to evil.example"
        assert len(link.contents) == 1, "a flex container drops the spaces between several"
        assert link["href"] == f"{EVIL}?state=the-state"
    stranger.sign_in("bob")
    page = stranger.get("/oauth/end_session", parameters).follow()
    assert "you continue to" in page
    assert "evil.example" in page
    assert "Its operator has not been verified" in page
    assert "Your Bank" not in page
    assert page.forms["logout"].submit().location == f"{EVIL}?state=the-state"


def test_its_own_session_ends_at_once_all_the_same(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    code = client.login(browser, redirect_uri=EVIL)["code"]
    hint = client.exchange(code, redirect_uri=EVIL)["id_token"]
    parameters = {"id_token_hint": hint, "post_logout_redirect_uri": EVIL}
    assert browser.get("/oauth/end_session", parameters).location == EVIL
