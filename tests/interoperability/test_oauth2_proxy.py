"""oauth2-proxy, unmodified, whose callback sends the browser on to another host."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from selenium.webdriver.common.by import By
from support.browser_user import BrowserUser
from support.builds import go_program
from support.documented import Documented
from support.fleet import Fleet
from support.processes import free_port
from support.programs import Program

pytestmark = [pytest.mark.go, pytest.mark.browser, pytest.mark.interoperability]


class Echo(BaseHTTPRequestHandler):
    """The application: it shows what the proxy tells it."""

    def do_GET(self) -> None:
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def application() -> Iterator[str]:
    """The URL of the application behind the proxy."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def reads(driver: Any) -> dict[str, str]:
    """Return what the application shows."""
    shown: dict[str, str] = json.loads(driver.find_element(By.TAG_NAME, "body").text)
    return shown


def test_from_login_to_sign_out(
    browser: Any, fleet: Fleet, application: str, tmp_path: Path
) -> None:
    port = free_port()
    proxy, site = f"http://auth.shop.localhost:{port}", f"http://www.shop.localhost:{port}"
    page = Documented(
        "oauth2-proxy",
        {
            # The provider's address is not in the domain of the others, and no port is the default.
            'whitelist_domains = [".example.com"]': (
                'whitelist_domains = [".shop.localhost:*", "127.0.0.1:*"]'
            ),
            "https://login.example.com": fleet.issuer,
            "https://auth.example.com": proxy,
            "https://www.example.com": site,
            "example.com": "shop.localhost",
            "127.0.0.1:4180": f"127.0.0.1:{port}",
            "http://10.0.0.5:8080": application,
            'cookie_refresh = "5m"': 'cookie_refresh = "1s"',
            "COOKIE_SECRET": "0123456789abcdef" * 2,
        },
    )
    fleet.set_claims("alice", {"email": "alice@example.com", "email_verified": True})
    page.create_client(fleet.inis[0])
    configuration = tmp_path / "oauth2-proxy.cfg"
    configuration.write_text(page.block("toml"))
    program = str(go_program("oauth2-proxy", "github.com/oauth2-proxy/oauth2-proxy/v7"))
    user = BrowserUser(browser)
    with Program([program, f"--config={configuration}"], port, tmp_path):
        browser.get(f"{proxy}/oauth2/start?{urlencode({'rd': f'{site}/orders'})}")
        user.sign_in()
        user.allow()
        user.arrives_at(f"{site}/orders")  # by way of the other host
        first = reads(browser)
        assert first["x-forwarded-email"] == "alice@example.com"
        assert first["x-forwarded-preferred-username"] == "alice"
        assert fleet.ask_userinfo(first["x-forwarded-access-token"]) == 200

        time.sleep(2.1)  # it counts whole seconds
        browser.get(f"{site}/orders")
        second = reads(browser)
        assert second["x-forwarded-access-token"] != first["x-forwarded-access-token"]
        assert fleet.ask_userinfo(second["x-forwarded-access-token"]) == 200

        browser.get(page.block("text").strip())
        user.confirm_sign_out()
        user.arrives_at(f"{site}/")
        assert "Sign in with" in browser.page_source
        assert fleet.ask_userinfo(second["x-forwarded-access-token"]) == 401
