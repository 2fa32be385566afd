"""A relying party watches the login (OpenID Connect Session Management 1.0)."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support.app import Browser, Provider, RelyingParty
from support.browser import start_browser
from support.processes import free_port
from support.single_page_server import SinglePageServer, serve_single_page
from support.tls_server import serve_https
from webtest.http import StopableWSGIServer

import oidcserver

ENDPOINTS = "authorization token end_session jwks openid_configuration check_session"
COOKIE = "oidcserver_6543_browser_state"


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    watched: Provider = make_provider(oauth__endpoints=ENDPOINTS)
    return watched


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(
        redirect_uris=["https://CLIENT.example:443/cb"],
        post_logout_redirect_uris=["https://client.example/out"],
    )


def expected(client: RelyingParty, browser: Browser, salt: str, origin: str) -> str:
    """The session state that the page of the provider computes in this browser."""
    text = f"{client.client_id} {origin} {browser.cookies[COOKIE]} {salt}"
    return f"{hashlib.sha256(text.encode()).hexdigest()}.{salt}"


def is_current(client: RelyingParty, browser: Browser, session_state: str) -> bool:
    """Whether the page of the provider would say ``unchanged`` to the client's own page."""
    salt = session_state.partition(".")[2]
    return session_state == expected(client, browser, salt, "https://client.example")


def test_the_response_holds_a_hash_of_client_origin_and_state(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    states = [client.login(browser)["session_state"] for _ in range(2)]
    assert all(is_current(client, browser, state) for state in states)
    assert states[0] != states[1], "each has a salt of its own"
    assert browser.cookies["oidcserver_6543_session"] not in browser.cookies[COOKIE]


def test_it_changes_when_the_person_signs_out(provider: Provider, client: RelyingParty) -> None:
    browser = provider.browser()
    before = client.login(browser)["session_state"]
    browser.get("/logout").forms["logout"].submit()
    assert not is_current(client, browser, before)
    browser.sign_in("alice")
    assert not is_current(client, browser, before), "nor does the old state come back"


def test_it_changes_when_the_application_signs_the_person_out(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    answer = client.login(browser)
    hint = client.exchange(answer["code"])["id_token"]
    browser.get("/oauth/end_session", {"id_token_hint": hint}).follow()
    assert not is_current(client, browser, answer["session_state"])


def test_it_changes_where_the_session_ends_on_the_account_page(
    provider: Provider, client: RelyingParty
) -> None:
    here, there = provider.browser(), provider.browser()
    states = {browser: client.login(browser)["session_state"] for browser in (here, there)}
    forms = here.get("/account").forms.values()
    next(form for form in forms if "Sign out there" in form.text).submit("session")
    assert is_current(client, here, states[here]), "of another session only"
    forms = here.get("/account").forms.values()
    next(form for form in forms if "Sign out here" in form.text).submit("session")
    assert not is_current(client, here, states[here])


def test_it_changes_for_another_person_and_stays_for_the_same(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    before = client.login(browser)["session_state"]
    client.login(browser, prompt="login")
    assert is_current(client, browser, before)
    client.complete(client.authorize(browser, prompt="login"), "bob")
    assert not is_current(client, browser, before)


def test_a_refusal_has_one_too_which_tells_of_a_login_later(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    answer = client.answer(client.authorize(browser, prompt="none"))
    assert answer["error"] == "login_required"
    assert is_current(client, browser, answer["session_state"])
    browser.sign_in("alice")
    assert not is_current(client, browser, answer["session_state"])


def test_a_session_that_ended_elsewhere_is_noticed_at_the_next_request(
    provider: Provider, client: RelyingParty
) -> None:
    here, there = provider.browser(), provider.browser()
    before = client.login(there)["session_state"]
    here.sign_in("alice")
    pages = here.get("/account").forms.values()
    next(form for form in pages if "Sign out there" in form.text).submit("session")
    answer = client.answer(client.authorize(there, prompt="none"))
    assert answer["error"] == "login_required"
    assert not is_current(client, there, before)
    assert is_current(client, there, answer["session_state"])


def test_only_openid_connect_has_it_and_only_for_a_client_with_an_origin(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    assert "session_state" not in client.login(browser, scope="profile")
    native = provider.register(
        redirect_uris=["com.example.app:/cb"], application_type="native",
        token_endpoint_auth_method="none",
    )  # fmt: skip
    assert "session_state" not in native.login(browser)


def test_every_response_type_has_it(provider: Provider) -> None:
    types = ["code", "id_token", "code id_token token"]
    client = provider.register(
        redirect_uris=["https://client.example/cb"],
        response_types=types,
        grant_types=["authorization_code", "implicit"],
    )
    browser = provider.browser()
    for response_type in types:
        answer = client.login(browser, response_type=response_type)
        assert is_current(client, browser, answer["session_state"])


def test_the_page_may_be_framed_and_is_strict_otherwise(provider: Provider) -> None:
    response = provider.browser().get("/oauth/check_session")
    assert response.headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
        " frame-ancestors *; form-action 'self'; script-src 'self'"
    )
    assert "X-Frame-Options" not in response.headers
    assert "Set-Cookie" not in response.headers
    assert provider.browser().get("/login").headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("name", ["sha256.js", "check_session.js"])
def test_the_scripts_are_es5_and_use_nothing_that_needs_https(name: str) -> None:
    """They run in whatever shows an application's page; HtmlUnit is one."""
    script = (Path(oidcserver.__file__).parent / "static" / name).read_text()
    code = re.sub(r"//.*", "", script)
    newer = r"\b(?:let|const|class|async|await|import|export|crypto|Uint\w+|Promise)\b|=>|`|\.\.\."
    assert re.findall(newer, code) == []


def test_it_is_promised_and_there_where_it_is_selected_alone(
    provider: Provider, make_provider: Any
) -> None:
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert document["check_session_iframe"] == f"{provider.issuer}/oauth/check_session"
    without = make_provider()
    browser = without.browser()
    assert "check_session_iframe" not in browser.get("/.well-known/openid-configuration").json
    browser.get("/oauth/check_session", status=404)
    assert "session_state" not in without.register().login(browser)
    assert COOKIE not in browser.cookies


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SinglePageServer]:
    """The web server of the relying party; its page shows nothing."""
    page = tmp_path / "page.html"
    page.write_text("<!DOCTYPE html><title>The application</title>")
    with serve_single_page() as server:
        server.files = {"/": page, "/cb": page}
        yield server


@contextmanager
def serve_http(wsgi: Any, port: int) -> Iterator[None]:
    """Serve at ``http://localhost:port`` until the end of the context."""
    running = StopableWSGIServer.create(wsgi, host="127.0.0.1", port=port, threads=4)
    try:
        yield
    finally:
        running.shutdown()


class Watch:
    """A relying party at ``origin`` that watches, in a real browser."""

    def __init__(self, driver: Any, provider: Provider, origin: str) -> None:
        self.driver, self.issuer, self.origin = driver, provider.issuer, origin
        self.client = provider.register(redirect_uris=[f"{origin}/cb"], application_type="native")

    def fill_in(self, selector: str, username: str = "alice") -> None:
        """Press a button of the provider's page, and before it fill in what it asks for."""
        button = WebDriverWait(self.driver, 10).until(
            lambda driver: driver.find_element(By.CSS_SELECTOR, selector)
        )
        if selector.startswith("#login"):
            self.driver.find_element(By.ID, "username").send_keys(username)
            self.driver.find_element(By.ID, "password").send_keys("valid")
        button.click()

    def sign_in(self) -> str:
        """Sign in at the application; return its session state."""
        query = urlencode(self.client.parameters(response_mode="fragment"))
        self.driver.get(f"{self.issuer}/oauth/authorize?{query}")
        self.fill_in("#login button")
        self.fill_in("#consent [value=allow]")
        WebDriverWait(self.driver, 10).until(
            lambda driver: driver.current_url.startswith(self.origin)
        )
        state: str = self.driver.execute_script(
            "return new URLSearchParams(location.hash.slice(1)).get('session_state')"
        )
        return state

    def visit_provider(self, path: str, selector: str, then: str, username: str = "") -> None:
        """Do something on a page of the provider, and be done when it says ``then``."""
        self.driver.get(self.issuer + path)
        self.fill_in(selector, username)
        WebDriverWait(self.driver, 10).until(lambda driver: then in driver.page_source)

    def visit_page(self) -> None:
        """Open the page of the application."""
        self.driver.get(f"{self.origin}/")

    def ask(self, session_state: str, client_id: str | None = None) -> str:
        """Ask the provider's page in a frame of the application's."""
        return self.post(f"{client_id or self.client.client_id} {session_state}")

    def post(self, message: Any) -> str:
        """Post a message to the frame; return what comes back."""
        answer: str = self.driver.execute_async_script(
            """
            const [url, text, done] = arguments, message = JSON.parse(text);
            const frame = document.createElement('iframe');
            frame.hidden = true;
            frame.src = url;
            frame.onload = () => frame.contentWindow.postMessage(message, new URL(url).origin);
            addEventListener('message', event => {
              const known = event.source === frame.contentWindow;
              done(known && event.origin === new URL(url).origin ? event.data : 'from elsewhere');
              frame.remove();
            }, {once: true});
            document.body.append(frame);
            """,
            f"{self.issuer}/oauth/check_session",
            json.dumps(message),
        )
        return answer


@pytest.fixture
def watch(
    browser: Any, make_provider: Any, server: SinglePageServer, tmp_path: Path
) -> Iterator[Watch]:
    """A relying party whose page has another origin than the provider, and the same site."""
    port = free_port()
    provider = make_provider(oidc__issuer=f"http://localhost:{port}", oauth__endpoints=ENDPOINTS)
    with serve_http(provider.wsgi, port):
        yield Watch(browser, provider, server.origin.replace("127.0.0.1", "localhost"))


def watch_from_another_site(
    make_provider: Any, server: SinglePageServer, folder: Path, *, blocks: bool
) -> Iterator[Watch]:
    """A relying party of another site than the provider, which speaks https.

    :param blocks: whether the browser keeps the cookies of other sites from frames.
    """
    preferences = folder / "profile" / "Default" / "Preferences"
    preferences.parent.mkdir(parents=True)
    choice = {"block_third_party_cookies": blocks, "cookie_controls_mode": int(blocks)}
    preferences.write_text(json.dumps({"profile": choice}))
    port = free_port()
    provider = make_provider(oidc__issuer=f"https://localhost:{port}", oauth__endpoints=ENDPOINTS)
    driver = start_browser(folder / "profile")
    try:
        driver.execute_cdp_cmd("Security.setIgnoreCertificateErrors", {"ignore": True})
        with serve_https(provider.wsgi, port, folder):
            yield Watch(driver, provider, server.origin)
    finally:
        driver.quit()


@pytest.fixture
def watch_across_sites(
    make_provider: Any, server: SinglePageServer, tmp_path: Path
) -> Iterator[Watch]:
    yield from watch_from_another_site(make_provider, server, tmp_path, blocks=False)


@pytest.fixture
def watch_where_cookies_are_blocked(
    make_provider: Any, server: SinglePageServer, tmp_path: Path
) -> Iterator[Watch]:
    yield from watch_from_another_site(make_provider, server, tmp_path, blocks=True)


@pytest.mark.browser
@pytest.mark.parametrize("where", ["watch", "watch_across_sites"])
def test_in_a_browser_unchanged_until_the_person_signs_out(
    request: pytest.FixtureRequest, where: str
) -> None:
    watch: Watch = request.getfixturevalue(where)
    state = watch.sign_in()
    watch.visit_page()
    assert watch.ask(state) == "unchanged"
    assert watch.ask(state) == "unchanged"
    watch.visit_provider("/logout", "#logout button", "You are signed out")
    watch.visit_page()
    assert watch.ask(state) == "changed"
    watch.visit_provider("/login", "#login button", "Hello", "bob")
    watch.visit_page()
    assert watch.ask(state) == "changed"


def test_in_a_browser_what_is_not_understood_is_an_error(watch: Watch) -> None:
    state = watch.sign_in()
    watch.visit_page()
    hashed, _, salt = state.partition(".")
    for message in (
        "", " ", state, f"{watch.client.client_id} ", f"{watch.client.client_id} x", f" {state}",
        f"{watch.client.client_id} {hashed}", f"{watch.client.client_id} {hashed}.",
        f"{watch.client.client_id} {state} ", f"a\nb {state}", f"\ud800 {state}",
    ):  # fmt: skip
        assert watch.post(message) == "error", repr(message)
    assert watch.ask(f"{hashed}.{salt}x") == "changed"
    assert watch.ask(state, "another client") == "changed"
    assert watch.ask(state) == "unchanged"


def test_in_a_browser_a_page_of_another_origin_cannot_use_it(
    watch: Watch, server: SinglePageServer
) -> None:
    """A session state that leaked says nothing to others: their origin is in the hash."""
    state = watch.sign_in()
    with serve_single_page() as other:
        other.files = server.files
        watch.origin = other.origin.replace("127.0.0.1", "localhost")
        watch.visit_page()
        assert watch.ask(state) == "changed"


@pytest.mark.browser
def test_in_a_browser_that_blocks_the_cookies_of_other_sites_it_is_an_error(
    watch_where_cookies_are_blocked: Watch,
) -> None:
    """Not ``changed``, at which the application would go to prompt=none for ever."""
    watch = watch_where_cookies_are_blocked
    state = watch.sign_in()
    watch.visit_page()
    assert watch.ask(state) == "error"


def test_in_a_browser_the_hash_is_sha_256(watch: Watch) -> None:
    watch.driver.get(f"{watch.issuer}/oauth/check_session")
    texts = [letter * count for letter in "a%~\u00e9\u20ac😀\0" for count in (*range(70), 119, 120)]
    hashes = watch.driver.execute_script("return arguments[0].map(sha256)", texts)
    assert hashes == [hashlib.sha256(text.encode()).hexdigest() for text in texts]
