"""The provider's page tells applications of a logout (OpenID Connect Front-Channel Logout 1.0)."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support.app import Browser, Provider, RelyingParty, decode_id_token
from support.browser import run_no_scripts
from support.processes import free_port
from webtest import TestResponse
from webtest.http import StopableWSGIServer

LOGOUT = "https://client.example/frontchannel?tenant=1"
AFTER = "https://client.example/after"


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    told: Provider = make_provider(oidc__logout_channels="frontchannel")
    return told


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(frontchannel_logout_uri=LOGOUT, post_logout_redirect_uris=[AFTER])


def frames(page: TestResponse) -> list[str]:
    return [frame["src"] for frame in page.html.find_all("iframe")]


def log_in(client: RelyingParty, browser: Browser) -> str:
    id_token: str = client.exchange(client.login(browser)["code"])["id_token"]
    return id_token


def end_session(browser: Browser, hint: str, **more: str) -> TestResponse:
    return browser.get("/oauth/end_session", {"id_token_hint": hint, **more})


def test_each_application_of_the_session_gets_a_frame_with_issuer_and_session(
    provider: Provider, client: RelyingParty
) -> None:
    second = provider.register(
        client_name="<Second>",
        redirect_uris=["https://second.example/cb"],
        frontchannel_logout_uri="https://second.example/out",
    )
    provider.register(frontchannel_logout_uri="https://client.example/of-another-session")
    untold = provider.register()
    browser = provider.browser()
    hint = log_in(client, browser)
    second_id_token = log_in(second, browser)
    untold.login(browser)
    page = end_session(browser, hint, post_logout_redirect_uri=AFTER, state="a b")
    first_query, second_query = (
        urlencode({"iss": provider.issuer, "sid": decode_id_token(provider, each)["sid"]}).replace(
            "/", "%2F"
        )
        for each in (hint, second_id_token)
    )
    assert sorted(frames(page)) == [
        f"{LOGOUT}&{first_query}", f"https://second.example/out?{second_query}",
    ]  # fmt: skip
    assert "&lt;Second&gt;" in page
    policy = page.headers["Content-Security-Policy"].split("; ")
    sources = next(each for each in policy if each.startswith("frame-src")).split()
    assert sources == ["frame-src", "https:"]
    for frame in page.html.find_all("iframe"):
        assert frame["sandbox"] == ["allow-same-origin", "allow-scripts", "allow-forms"]
        assert frame["referrerpolicy"] == "no-referrer"
    assert page.html.find(id="applications")["data-target"] == f"{AFTER}?state=a%20b"
    assert page.html.find("meta", {"http-equiv": "refresh"})["content"] == (
        f"5;url={AFTER}?state=a%20b"
    )
    [link] = [it for it in page.html.find_all("a") if "Continue to" in it.get_text()]
    assert link.get_text() == "Continue to The Example Application"
    assert link["href"] == (f"{AFTER}?state=a%20b")
    assert "One account" in browser.get("/")


def test_a_reload_and_the_way_back_break_nothing(provider: Provider, client: RelyingParty) -> None:
    browser = provider.browser()
    parameters = {"id_token_hint": log_in(client, browser), "post_logout_redirect_uri": AFTER}
    assert frames(browser.get("/oauth/end_session", parameters))
    for _ in range(2):
        assert browser.get("/oauth/end_session", parameters).location == AFTER


def test_the_page_that_asks_tells_them_too(provider: Provider, client: RelyingParty) -> None:
    browser = provider.browser()
    log_in(client, browser)
    form = browser.get("/logout").forms["logout"]
    page = form.submit()
    assert frames(page)
    assert "You are signed out" in page
    assert page.html.find(id="applications").get("data-target") is None
    assert page.html.find("meta", {"http-equiv": "refresh"}) is None
    assert "You are signed out" in form.submit().follow()


def test_where_there_is_nobody_to_tell_the_person_goes_on_at_once(provider: Provider) -> None:
    client = provider.register(post_logout_redirect_uris=[AFTER])
    browser = provider.browser()
    hint = log_in(client, browser)
    assert end_session(browser, hint, post_logout_redirect_uri=AFTER).location == AFTER


def test_what_is_not_selected_is_not_there(make_provider: Any) -> None:
    provider = make_provider()
    client = provider.register(frontchannel_logout_uri=LOGOUT, post_logout_redirect_uris=[AFTER])
    browser = provider.browser()
    hint = log_in(client, browser)
    assert end_session(browser, hint, post_logout_redirect_uri=AFTER).location == AFTER
    document = browser.get("/.well-known/openid-configuration").json
    assert "frontchannel_logout_supported" not in document


def test_it_is_promised_where_it_is_selected(provider: Provider) -> None:
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert document["frontchannel_logout_supported"] is True
    assert document["frontchannel_logout_session_supported"] is True
    assert "backchannel_logout_supported" not in document


class Application:
    """An application on loopback: what was asked of it, and whether its logout page answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        application = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                application.asked.append(self.path)
                if self.path.startswith("/logout"):
                    application.may_answer.wait(30)
                body = b"<!DOCTYPE html><title>The application</title>"
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def handle(self) -> None:
                with contextlib.suppress(OSError):  # the browser went away
                    super().handle()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.origin = f"http://127.0.0.1:{self._server.server_port}"

    def register(self, provider: Provider, **metadata: Any) -> RelyingParty:
        return provider.register(
            redirect_uris=[f"{self.origin}/cb"],
            application_type="native",
            frontchannel_logout_uri=f"{self.origin}/logout",
            post_logout_redirect_uris=[f"{self.origin}/after"],
            **metadata,
        )

    def close(self) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def applications() -> Iterator[list[Application]]:
    running = [Application(), Application()]
    yield running
    for application in running:
        application.close()


@pytest.fixture
def served(make_provider: Any) -> Iterator[Provider]:
    """A provider that a browser can reach."""
    port = free_port()
    provider: Provider = make_provider(
        oidc__issuer=f"http://localhost:{port}", oidc__logout_channels="frontchannel"
    )
    server = StopableWSGIServer.create(provider.wsgi, host="127.0.0.1", port=port, threads=4)
    yield provider
    server.shutdown()


def press(driver: Any, selector: str) -> None:
    WebDriverWait(driver, 20).until(lambda driver: driver.find_elements(By.CSS_SELECTOR, selector))[
        0
    ].click()


def log_in_at(driver: Any, client: RelyingParty) -> str:
    """Log in at an application with a browser; return the ID token."""
    query = urlencode(client.parameters())
    driver.get(f"{client.provider.issuer}/oauth/authorize?{query}")
    if driver.find_elements(By.ID, "username"):
        driver.find_element(By.ID, "username").send_keys("alice")
        driver.find_element(By.ID, "password").send_keys("valid")
        press(driver, "#login button")
    press(driver, "#consent [value=allow]")
    origin = client.client.redirect_uris[0]
    WebDriverWait(driver, 20).until(lambda driver: driver.current_url.startswith(origin))
    [code] = parse_qs(urlsplit(driver.current_url).query)["code"]
    id_token: str = client.exchange(code)["id_token"]
    return id_token


def logout_url(client: RelyingParty, hint: str) -> str:
    query = {
        "id_token_hint": hint,
        "post_logout_redirect_uri": client.client.member("post_logout_redirect_uris")[0],
        "state": "the state",
    }
    return f"{client.provider.issuer}/oauth/end_session?{urlencode(query)}"


@pytest.mark.browser
@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
def test_in_a_browser_all_are_told_and_the_person_goes_on(
    browser: Any, served: Provider, applications: list[Application], javascript: bool
) -> None:
    clients = [application.register(served) for application in applications]
    driver = browser
    if not javascript:
        run_no_scripts(driver)
    hints = [log_in_at(driver, client) for client in clients]
    driver.get(logout_url(clients[0], hints[0]))
    after = f"{applications[0].origin}/after?state=the%20state"
    WebDriverWait(driver, 20).until(lambda driver: driver.current_url == after)
    for application, hint in zip(applications, hints, strict=True):
        [told] = [path for path in application.asked if path.startswith("/logout")]
        query = parse_qs(urlsplit(told).query)
        assert query["iss"] == [served.issuer]
        assert query["sid"] == [decode_id_token(served, hint)["sid"]]
    driver.get(f"{served.issuer}/")
    assert "One account" in driver.page_source


@pytest.mark.browser
def test_in_a_browser_one_that_hangs_is_named_and_the_person_goes_on(
    browser: Any, served: Provider, applications: list[Application]
) -> None:
    client = applications[0].register(served)
    hanging = applications[1].register(served, client_name="The Hanging One")
    applications[1].may_answer.clear()
    hint = log_in_at(browser, client)
    log_in_at(browser, hanging)
    # The driver waits for pages that load; the browser itself says what it shows meanwhile.
    watch_texts(browser)
    browser.execute_script("location.assign(arguments[0])", logout_url(client, hint))
    after = f"{applications[0].origin}/after?state=the%20state"
    WebDriverWait(browser, 20).until(lambda driver: driver.current_url == after)
    texts = [entry["message"] for entry in browser.get_log("browser")]
    assert any("The Hanging One did not answer" in text for text in texts), texts
    assert any("The Example Application was asked" in text for text in texts), texts


def watch_texts(driver: Any) -> None:
    """Let every page of the provider write what becomes visible in its list to the log."""
    script = """
    new MutationObserver(() => {
      for (const item of document.querySelectorAll('#applications li'))
        if (item.querySelector('span').textContent) console.log(item.innerText);
    }).observe(document, {subtree: true, childList: true});
    """
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})


@pytest.mark.browser
def test_in_a_browser_the_page_without_a_way_on_says_what_it_did(
    browser: Any, served: Provider, applications: list[Application]
) -> None:
    log_in_at(browser, applications[0].register(served))
    browser.get(f"{served.issuer}/logout")
    press(browser, "#logout button")
    WebDriverWait(browser, 20).until(
        lambda driver: (
            driver.find_elements(By.ID, "asked")
            and driver.find_element(By.ID, "asked").is_displayed()
        )
    )
    assert "was asked" in browser.find_element(By.ID, "applications").text
    refused = [entry for entry in browser.get_log("browser") if "Content Security" in str(entry)]
    assert refused == []
