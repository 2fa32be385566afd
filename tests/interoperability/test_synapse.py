"""A Matrix homeserver in a real browser: its callback goes on to an application elsewhere."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support.builds import python_environment
from support.documented import Documented
from support.fleet import Fleet
from support.processes import end, free_port, wait_until_it_listens
from support.single_page_server import SinglePageServer, serve_single_page

START = Path(__file__).parent / "python" / "synapse" / "start.py"
pytestmark = pytest.mark.interoperability
MATRIX = "/_matrix/client/v3"


@pytest.fixture
def application() -> Iterator[SinglePageServer]:
    """The Matrix application, at another origin than the homeserver."""
    with serve_single_page() as server:
        server.files["/"] = {"page": "The Matrix application"}
        yield server


@pytest.fixture
def homeserver(fleet: Fleet, application: SinglePageServer, tmp_path: Path) -> Iterator[str]:
    """The URL of a homeserver."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    page = Documented(
        "Matrix Synapse",
        {"https://login.example.com": fleet.issuer, "https://matrix.example.com": url},
    )
    page.create_client(fleet.inis[0])
    configuration = {
        "port": port,
        "directory": str(tmp_path),
        "application": f"{application.origin}/",
        "settings": page.block("yaml"),
    }
    log = tmp_path / "homeserver.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(python_environment("synapse")), str(START)],
            cwd=tmp_path, stdin=subprocess.PIPE, stdout=output, stderr=output,
        )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps(configuration).encode() + b"\n")
    process.stdin.close()
    try:
        wait_until_it_listens(process, port, log)
        yield url
    finally:
        end(process)


def test_from_login_to_logout(
    homeserver: str, application: SinglePageServer, fleet: Fleet, browser: webdriver.Chrome
) -> None:
    wait = WebDriverWait(browser, 30)
    query = urlencode({"redirectUrl": f"{application.origin}/"})
    browser.get(f"{homeserver}{MATRIX}/login/sso/redirect/oidc-oidcserver?{query}")
    browser.find_element(By.NAME, "username").send_keys("alice")
    browser.find_element(By.NAME, "password").send_keys("valid")
    browser.find_element(By.CSS_SELECTOR, "#login button").click()
    wait.until(lambda _: browser.find_elements(By.CSS_SELECTOR, "button[value=allow]"))
    browser.find_element(By.CSS_SELECTOR, "button[value=allow]").click()
    wait.until(lambda _: browser.current_url.startswith(application.origin))

    token = parse_qs(urlsplit(browser.current_url).query)["loginToken"][0]
    session = requests.post(
        f"{homeserver}{MATRIX}/login", json={"type": "m.login.token", "token": token}, timeout=30
    ).json()
    assert session["user_id"] == "@alice:homeserver.test"
    headers = {"Authorization": f"Bearer {session['access_token']}"}

    def who() -> int:
        return requests.get(
            f"{homeserver}{MATRIX}/account/whoami", headers=headers, timeout=30
        ).status_code

    assert who() == 200
    browser.get(f"{fleet.issuer}/logout")
    browser.find_element(By.CSS_SELECTOR, "#logout button").click()
    wait.until(lambda _: who() == 401)
