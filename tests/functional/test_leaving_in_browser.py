"""From every page that leads out, a real browser arrives wherever the client sends it.

The client's callback redirects to another origin (a broker, an API host before its SPA host), and
that redirects to a private-use scheme, as claude.ai does before claude://. Chromium applies
form-action to all of these hops.
"""

from typing import Any
from urllib.parse import urlencode

import pytest
from pyramid.response import Response
from selenium.webdriver.support.ui import WebDriverWait
from support.app import Browser, Provider, RelyingParty
from support.browser import authorize_url, refused_by_policy, run_no_scripts, sign_in, wait_for
from support.processes import free_port

from oidcserver.http.content_security_policy import ContentSecurityPolicy
from oidcserver.views.suspended import go_on, open_row, read_request

pytestmark = pytest.mark.browser

SCHEME = "com.example.application"


class Application:
    """A client's pages, each at another origin; it remembers which were asked for."""

    def __init__(self) -> None:
        self.port = free_port()
        self.visits: list[str] = []
        #: Whether it ends on the user's device, and not on a page.
        self.installed = True

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        path = environ["PATH_INFO"]
        onward = {
            "/callback": f"http://broker.localhost:{self.port}/broker",
            "/signed-out": f"http://broker.localhost:{self.port}/broker",
            "/broker": f"http://localhost:{self.port}/arrived",
            "/arrived": f"{SCHEME}://arrived",
        }.get(path)
        if onward is None:
            start_response("404 Not Found", [])
            return [b""]
        self.visits.append(path)
        if path == "/arrived" and not self.installed:
            start_response("200 OK", [("Content-Type", "text/html")])
            return [b"arrived"]
        start_response("302 Found", [("Location", onward)])
        return [b""]

    def uri(self, path: str) -> str:
        """Return one of its URLs."""
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def application(serve: Any) -> Application:
    """An application of that kind."""
    application = Application()
    serve(application, application.port)
    return application


@pytest.fixture
def client(served: Provider, application: Application) -> RelyingParty:
    """Its registration."""
    return served.register(
        redirect_uris=[application.uri("/callback")],
        post_logout_redirect_uris=[application.uri("/signed-out")],
        application_type="native",
    )


def assert_arrived(driver: Any, application: Application, start: str = "/callback") -> None:
    """Wait until the application has sent the browser through all its hops, unhindered."""
    WebDriverWait(driver, 10).until(lambda _: "/arrived" in application.visits)
    assert application.visits == [start, "/broker", "/arrived"]
    assert refused_by_policy(driver) == []


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("response_mode", ["query", "form_post"])
def test_from_the_consent_page(
    browser: Any,
    client: RelyingParty,
    application: Application,
    response_mode: str,
    javascript: bool,
) -> None:
    if not javascript:
        run_no_scripts(browser)
    browser.get(authorize_url(client, response_mode=response_mode))
    sign_in(browser)
    wait_for(browser, "#consent [value=allow]").click()
    if response_mode == "form_post" and not javascript:
        wait_for(browser, "#form_post button").click()
    assert_arrived(browser, application)


def test_from_the_consent_page_with_a_refusal(
    browser: Any, client: RelyingParty, application: Application
) -> None:
    browser.get(authorize_url(client))
    sign_in(browser)
    wait_for(browser, "#consent [value=deny]").click()
    assert_arrived(browser, application)


@pytest.fixture
def allowed(browser: Any, client: RelyingParty, application: Application) -> RelyingParty:
    """The client, which the user has signed in to before and allowed for good."""
    application.installed = False
    browser.get(authorize_url(client))
    sign_in(browser)
    wait_for(browser, "#remember").click()
    wait_for(browser, "#consent [value=allow]").click()
    WebDriverWait(browser, 10).until(lambda _: "arrived" in browser.page_source)
    application.installed = True
    application.visits.clear()
    return client


def test_from_the_login_page(browser: Any, allowed: RelyingParty, application: Application) -> None:
    browser.get(authorize_url(allowed, prompt="login"))
    wait_for(browser, "#password").send_keys("valid")
    wait_for(browser, "#login button").click()
    assert_arrived(browser, application)


def test_from_the_choice_of_an_account(
    browser: Any, allowed: RelyingParty, application: Application
) -> None:
    browser.get(authorize_url(allowed, prompt="select_account"))
    wait_for(browser, "#continue button").click()
    assert_arrived(browser, application)


def test_from_the_logout_page(
    browser: Any, served: Provider, client: RelyingParty, application: Application
) -> None:
    hint = client.exchange(client.login(Browser(served), "somebody else")["code"])["id_token"]
    parameters = {
        "id_token_hint": hint,
        "post_logout_redirect_uri": application.uri("/signed-out"),
    }
    browser.get(f"{served.issuer}/login")
    sign_in(browser)
    WebDriverWait(browser, 10).until(lambda _: "Hello" in browser.page_source)
    browser.get(f"{served.issuer}/oauth/end_session?{urlencode(parameters)}")
    wait_for(browser, "#logout button").click()
    assert_arrived(browser, application, "/signed-out")


# -- a plugin's interaction


def show_terms(request: Any) -> Response:
    """Show a page of a plugin's own."""
    return Response(
        '<form id="terms" method="post">'
        f'<input type="hidden" name="csrf_token" value="{request.oidc.csrf_token}">'
        "<button>Agree</button></form>"
    )


def agree(request: Any) -> Response:
    """Note the agreement and go on."""
    asking = read_request(request)
    assert asking is not None
    reference, row = open_row(asking)
    row.declined_acr = "agreed"
    return go_on(request, reference)


def includeme(config: Any) -> None:
    """Ask for agreement as the last interaction, as a plugin would."""

    def register(config: Any) -> None:
        config.add_route("terms", "/terms")
        config.add_view(show_terms, route_name="terms", request_method="GET")
        config.add_view(agree, route_name="terms", request_method="POST")

    def needed(request: Any) -> str | None:
        row = request.suspended
        return None if row is not None and row.declined_acr else "interaction_required"

    config.add_oauth_page("terms", register)
    config.add_interaction("terms", needed, "terms", after="consent")


def test_from_the_page_of_a_plugins_interaction(
    browser: Any, make_provider: Any, serve: Any, application: Application
) -> None:
    port = free_port()
    provider = make_provider(
        oidc__issuer=f"http://localhost:{port}",
        oidcserver__includes=__name__,
        oidc__pages="home login consent logout terms",
    )
    serve(provider.wsgi, port)
    client = provider.register(
        redirect_uris=[application.uri("/callback")], application_type="native"
    )
    browser.get(authorize_url(client))
    sign_in(browser)
    wait_for(browser, "#consent [value=allow]").click()
    wait_for(browser, "#terms button").click()
    assert_arrived(browser, application)


# -- what the tests rest on


def test_a_policy_that_allows_every_web_origin_would_stop_the_browser(
    browser: Any, client: RelyingParty, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the silence of the browser in the other tests says something."""

    def allow_the_web(policy: ContentSecurityPolicy) -> None:
        policy._sources["form-action"] = ["http:", "https:"]

    monkeypatch.setattr(ContentSecurityPolicy, "let_forms_leave", allow_the_web)
    browser.get(authorize_url(client))
    sign_in(browser)
    wait_for(browser, "#consent [value=allow]").click()
    assert WebDriverWait(browser, 10).until(refused_by_policy)
    assert application.visits == ["/callback", "/broker", "/arrived"]
