"""The pages of accounts in a real browser."""

from typing import Any

import pytest
from selenium.webdriver.support.ui import WebDriverWait
from support.accessibility import problems
from support.app import Provider
from support.browser import emulate, refused_by_policy, sign_in, wait_for
from support.factors import code_of
from support.processes import free_port

pytestmark = [pytest.mark.browser, pytest.mark.nodejs]

PAGES = (
    "home login consent logout account language register recover password address profile leave "
    "mail"
)
LONG = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft"


@pytest.fixture
def served(make_provider: Any, serve: Any) -> Provider:
    port = free_port()
    provider: Provider = make_provider(
        oidc__issuer=f"http://localhost:{port}",
        oidc__pages=PAGES,
        oidc__second_factors="passkey totp recovery_codes",
        oidc__first_factors="email_link",
        oidc__editable_claims="name birthdate picture zoneinfo address",
    )
    serve(provider.wsgi, port)
    return provider


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (320, "dark")])
def test_the_pages_are_accessible_and_fit(
    browser: Any, served: Provider, width: int, scheme: str
) -> None:
    driver, issuer = browser, served.issuer
    emulate(driver, width, scheme)

    def inspect() -> None:
        assert problems(driver) == [], driver.current_url
        scrolled = driver.execute_script("return document.documentElement.scrollWidth")
        assert scrolled <= width, driver.current_url

    for name in ("alice", LONG):
        driver.get(f"{issuer}/login?switch=1")
        sign_in(driver, name)
        wait_for(driver, "h1 bdi")
    pages = ("/login", "/login?switch=1", "/account", "/account/activity", "/account/profile")
    for path in (*pages, "/account/leave", "/logout"):
        driver.get(issuer + path)
        inspect()
    driver.get(f"{issuer}/account/profile")
    wait_for(driver, "#birthdate").send_keys("tomorrow")
    wait_for(driver, "#profile button.primary").click()
    wait_for(driver, "#birthdate-error")
    assert driver.switch_to.active_element.get_attribute("id") == "birthdate"
    inspect()
    driver.get(f"{issuer}/login?switch=1&next=/account")
    wait_for(driver, "#continue p:nth-of-type(3) button").click()
    WebDriverWait(driver, 10).until(
        lambda waiting: waiting.find_element("css selector", ".who bdi").text == "alice"
    )
    driver.get(f"{issuer}/logout")
    wait_for(driver, "#logout button").click()
    WebDriverWait(driver, 10).until(lambda waiting: "Other accounts" in waiting.page_source)
    inspect()
    assert refused_by_policy(driver) == []


SIGNED_OUT = ("/login", "/register", "/recover", "/login/email-link")
SIGNED_IN = (
    "/account", "/account/address", "/account/password", "/account/profile", "/account/factors",
    "/account/passkeys", "/account/totp?remove=1", "/account/recovery-codes", "/account/activity",
    "/account/leave", "/account/leave?remove=1", "/login?switch=1",
)  # fmt: skip


def test_the_pages_of_an_account_are_accessible_and_fit_in_each_language(
    browser: Any, served: Provider
) -> None:
    """From the registration to the sign-in with a second factor."""
    driver, issuer = browser, served.issuer
    emulate(driver, 320, "light")

    def inspect(*paths: str) -> None:
        for path in paths or (driver.current_url.removeprefix(issuer),):
            if paths:
                driver.get(issuer + path)
            for language in ("ar", "de", "es", "fr", "en"):
                wait_for(driver, f"footer [value={language}]").click()
                wait_for(driver, f"html[lang={language}]")
                assert problems(driver) == [], (language, driver.current_url)
                scrolled = driver.execute_script("return document.documentElement.scrollWidth")
                assert scrolled <= 320, (language, driver.current_url)

    inspect(*SIGNED_OUT)
    driver.get(f"{issuer}/register")
    wait_for(driver, "#address").send_keys("ada@example.com")
    wait_for(driver, "#password").send_keys("orbiting lighthouse sandwich")
    wait_for(driver, "#register button.primary").click()
    wait_for(driver, "#enter-code")
    inspect()
    wait_for(driver, "#code").send_keys("0000 0000")
    wait_for(driver, "#enter-code button.primary").click()
    wait_for(driver, "#confirm-error")
    driver.get(f"{issuer}/mail")
    wait_for(driver, ".mail a.button").click()
    wait_for(driver, "#confirm")
    inspect()
    wait_for(driver, "#confirm button.primary").click()
    wait_for(driver, "h1 bdi")
    driver.get(f"{issuer}/account/totp")
    inspect()
    key = wait_for(driver, "code.key").text
    wait_for(driver, "#code").send_keys(code_of(key))
    wait_for(driver, "#totp button.primary").click()
    wait_for(driver, ".message.success")
    inspect()
    inspect(*SIGNED_IN)
    driver.get(f"{issuer}/account/recovery-codes")
    wait_for(driver, "#codes button.primary").click()
    wait_for(driver, "ul.codes")
    assert problems(driver) == []
    driver.get(f"{issuer}/logout")
    wait_for(driver, "#logout button").click()
    wait_for(driver, "main a.button")
    driver.get(f"{issuer}/login")
    wait_for(driver, "#username").send_keys("ada@example.com")
    wait_for(driver, "#password").send_keys("orbiting lighthouse sandwich")
    wait_for(driver, "#login button.primary").click()
    wait_for(driver, "#factor")
    inspect("/login/totp", "/login/recovery-code")
    assert refused_by_policy(driver) == []


def test_the_choice_of_a_language_keeps_the_name_that_was_typed(
    browser: Any, served: Provider
) -> None:
    driver = browser
    for path, field in (("/register", "address"), ("/recover", "name")):
        driver.get(f"{served.issuer}{path}")
        wait_for(driver, f"#{field}").send_keys("ada@example.com")
        for language in ("de", "en"):
            wait_for(driver, f"footer [value={language}]").click()
            wait_for(driver, f"html[lang={language}]")
            WebDriverWait(driver, 10).until(
                lambda it, field=field: (
                    it.find_element("id", field).get_attribute("value") == "ada@example.com"
                )
            )
    assert driver.execute_script("return sessionStorage.length") == 0
    assert refused_by_policy(driver) == []


def test_a_script_shows_times_in_the_zone_of_the_browser(browser: Any, served: Provider) -> None:
    driver = browser
    driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Tokyo"})
    driver.get(f"{served.issuer}/login")
    sign_in(driver)
    wait_for(driver, "h1 bdi")
    driver.get(f"{served.issuer}/account")
    time = wait_for(driver, "time[data-utc]")
    WebDriverWait(driver, 10).until(lambda _: time.get_attribute("title").endswith(" UTC"))
    hour = (int(time.get_attribute("datetime")[11:13]) + 9) % 24
    assert f"{hour % 12 or 12}:{time.get_attribute('datetime')[14:16]}" in time.text
    assert "UTC" not in time.text
