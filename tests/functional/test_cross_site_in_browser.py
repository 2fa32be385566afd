"""A client's own page posts the authorization request, in a real browser."""

from html import escape
from typing import Any

import pytest
from selenium.webdriver.support.ui import WebDriverWait
from support.app import Provider, RelyingParty
from support.browser import authorize_url, sign_in, wait_for
from support.processes import free_port

pytestmark = pytest.mark.browser


class Site:
    """The client's site, which is not the provider's: 127.0.0.1 and not localhost."""

    def __init__(self) -> None:
        self.origin = ""
        self.action = ""
        self.parameters: dict[str, str] = {}

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        if environ["PATH_INFO"] == "/cb":
            return [b"<title>arrived</title>"]
        fields = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">'
            for name, value in self.parameters.items()
        )
        form = f'<form method="post" action="{self.action}">{fields}<button>Sign in</button></form>'
        return [form.encode()]


@pytest.fixture
def site(served: Provider, serve: Any) -> Site:
    site = Site()
    port = free_port()
    site.origin = f"http://127.0.0.1:{port}"
    site.action = f"{served.issuer}/oauth/authorize"
    serve(site, port)
    return site


@pytest.fixture
def client(served: Provider, site: Site) -> RelyingParty:
    return served.register(redirect_uris=[f"{site.origin}/cb"], application_type="native")


def arrived(driver: Any, site: Site) -> str:
    """Return the URL at which the client gets its answer."""
    WebDriverWait(driver, 10).until(lambda _: driver.current_url.startswith(f"{site.origin}/cb"))
    url: str = driver.current_url
    return url


@pytest.mark.parametrize("length", [10, 4000], ids=["short", "long"])
def test_who_is_signed_in_stays_so_and_other_tabs_go_on(
    browser: Any, site: Site, client: RelyingParty, length: int
) -> None:
    browser.get(authorize_url(client))
    sign_in(browser)
    wait_for(browser, "#remember").click()
    wait_for(browser, "#consent [value=allow]").click()
    assert "code=" in arrived(browser, site)

    browser.get(authorize_url(client, prompt="consent"))
    wait_for(browser, "#consent")
    tab = browser.current_window_handle
    cookies = {cookie["name"]: cookie["value"] for cookie in browser.get_cookies()}

    browser.switch_to.new_window("tab")
    long = "x" * length
    site.parameters = client.parameters(
        prompt="none", state=long, ui_locales=long, claims_locales=long
    )
    browser.get(site.origin)
    wait_for(browser, "button").click()
    assert "code=" in arrived(browser, site)

    browser.switch_to.window(tab)
    assert {cookie["name"]: cookie["value"] for cookie in browser.get_cookies()} == cookies
    wait_for(browser, "#consent [value=allow]").click()
    assert "code=" in arrived(browser, site)
