"""The pages of the device grant in a real browser: light and dark, narrow and wide, by keyboard."""

from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from support.accessibility import problems
from support.app import Provider, RelyingParty
from support.browser import emulate, prefer_language, refused_by_policy, sign_in, wait_for
from support.devices import SETTINGS, ask, poll, refusal, register_device
from support.processes import free_port

pytestmark = [pytest.mark.browser, pytest.mark.nodejs]

LONG = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft"
AGENT = "x" * 60


@pytest.fixture
def served(make_provider: Any, serve: Any) -> Provider:
    """A provider with the device grant that a browser can reach."""
    port = free_port()
    provider: Provider = make_provider(**SETTINGS, oidc__issuer=f"http://localhost:{port}")
    serve(provider.wsgi, port)
    return provider


@pytest.fixture
def device(served: Provider) -> RelyingParty:
    device = register_device(served, client_name=LONG)
    device.http.extra_environ |= {"REMOTE_ADDR": "2001:db8::7", "HTTP_USER_AGENT": AGENT}
    return device


def inspect(driver: Any, width: int) -> None:
    assert problems(driver) == [], driver.current_url
    scrolled = driver.execute_script("return document.documentElement.scrollWidth")
    assert scrolled <= width, driver.current_url


@pytest.mark.parametrize(
    ("width", "scheme", "language"),
    [(1280, "light", "en"), (320, "dark", "en")]
    + [(320, "light", language) for language in ("ar", "de", "es", "fr")],
)
def test_every_page_of_it_is_accessible_and_fits(
    browser: Any,
    served: Provider,
    device: RelyingParty,
    width: int,
    scheme: str,
    language: str,
) -> None:
    driver = browser
    emulate(driver, width, scheme)
    prefer_language(driver, language)
    codes = ask(device, scope="openid profile email offline_access")
    driver.get(codes["verification_uri_complete"])
    sign_in(driver)
    field = wait_for(driver, "#user_code")
    assert field.get_attribute("value") == codes["user_code"]
    assert driver.current_url == f"{served.issuer}/device"
    inspect(driver, width)
    field.clear()
    field.send_keys("bbbb-bbbb", Keys.ENTER)
    wait_for(driver, "#code-error")
    inspect(driver, width)
    field = wait_for(driver, "#user_code")
    field.clear()
    field.send_keys(codes["user_code"].lower(), Keys.ENTER)
    wait_for(driver, "#decision")
    inspect(driver, width)
    wait_for(driver, "#decision [value=allow]").click()
    wait_for(driver, "main a")
    assert driver.execute_script("return document.documentElement.lang") == language
    assert language != "en" or "Your device is connected" in driver.page_source
    inspect(driver, width)
    assert poll(device, codes)["access_token"]
    driver.get(f"{served.issuer}/device/nothing")
    inspect(driver, width)
    assert refused_by_policy(driver) == []


def test_the_walk_by_keyboard_alone(browser: Any, device: RelyingParty) -> None:
    driver, codes = browser, ask(device)
    driver.get(codes["verification_uri"])
    sign_in(driver)
    wait_for(driver, "#user_code:focus")
    ActionChains(driver).send_keys(codes["user_code"], Keys.ENTER).perform()
    wait_for(driver, "#decision")
    for _ in range(20):
        ActionChains(driver).send_keys(Keys.TAB).perform()
        if driver.switch_to.active_element.get_attribute("value") == "deny":
            break
    ActionChains(driver).send_keys(Keys.ENTER).perform()
    WebDriverWait(driver, 10).until(lambda waiting: "Nothing was allowed" in waiting.page_source)
    assert refusal(device, codes) == "access_denied"
