"""Headless Chromium, driven by its own driver and without the network of its own."""

import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support.app import RelyingParty
from support.requirements import chromium

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--disable-extensions",
    "--host-resolver-rules="
    "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
)  # fmt: skip


def start_browser(profile: Path) -> webdriver.Chrome:
    """Return a new browser with an empty profile."""
    options = Options()
    options.binary_location = chromium() or ""
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.set_page_load_timeout(30)
    return driver


def start_over(driver: Any) -> None:
    """Leave one new tab of the browser, without cookies, cached answers and messages."""
    opened = driver.window_handles
    driver.switch_to.new_window("tab")
    tab = driver.current_window_handle
    for before in opened:
        driver.switch_to.window(before)
        driver.close()
    driver.switch_to.window(tab)
    # A tab may not have the focus yet, without which no element shows that it has it.
    driver.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
    driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    driver.get_log("browser")


def prefer_language(driver: Any, language: str) -> None:
    """Let the tab ask for pages in a language."""
    driver.execute_cdp_cmd("Network.enable", {})
    headers = {"Accept-Language": language}
    driver.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": headers})


def run_no_scripts(driver: Any) -> None:
    """Let the pages in the tab run no scripts."""
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})


def authorize_url(client: RelyingParty, **changes: Any) -> str:
    """Return the URL that the relying party sends the browser to."""
    query = urlencode(client.parameters(**changes))
    return f"{client.provider.issuer}/oauth/authorize?{query}"


def wait_for(driver: Any, selector: str) -> Any:
    """Return the element once the page that has it is there."""
    return WebDriverWait(driver, 10).until(
        lambda waiting: waiting.find_element(By.CSS_SELECTOR, selector)
    )


def sign_in(driver: Any, username: str = "alice") -> None:
    """Fill the login form in."""
    wait_for(driver, "#username").send_keys(username)
    wait_for(driver, "#password").send_keys("valid")
    wait_for(driver, "#login button").click()


def refused_by_policy(driver: Any) -> list[str]:
    """Return what the Content-Security-Policy of a page forbade so far."""
    messages = (entry["message"] for entry in driver.get_log("browser"))
    return [message for message in messages if "Content Security Policy" in message]


def emulate(driver: Any, width: int, scheme: str) -> None:
    """Make the browser as wide as that, and its person fond of that colour scheme."""
    metrics = {"width": width, "height": 700, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
