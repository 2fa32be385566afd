"""A user in Chromium, on the provider's pages and where they lead."""

from typing import Any

from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support.person import PASSWORD


class BrowserUser:
    """Fills in the provider's forms and presses their buttons."""

    def __init__(self, driver: Any, username: str = "alice") -> None:
        self.driver = driver
        self.username = username

    def sign_in(self) -> None:
        """Sign in on the login page, which is there."""
        self._find("#login [name=username]").send_keys(self.username)
        self._find("#login [name=password]").send_keys(PASSWORD)
        self._find("#login [type=submit]").click()

    def allow(self) -> None:
        """Press "Allow" on the consent page, once it is there."""
        self._find("#consent [name=decision][value=allow]").click()

    def confirm_sign_out(self) -> None:
        """Press "Sign out" on the page that asks, once it is there."""
        self._find("#logout [type=submit]").click()

    def arrives_at(self, url: str) -> None:
        """Wait until the browser has come to a URL.

        :raises AssertionError: with where it is instead, and what it says of that.
        """
        try:
            self._wait().until(lambda driver: driver.current_url == url)
        except TimeoutException:
            said = [entry["message"] for entry in self.driver.get_log("browser")]
            raise AssertionError(f"not at {url} but {self.driver.current_url}: {said}") from None

    def _find(self, selector: str) -> Any:
        """Return an element, once it is there.

        :raises AssertionError: with the page that is there instead.
        """
        try:
            return self._wait().until(lambda driver: driver.find_element(By.CSS_SELECTOR, selector))
        except TimeoutException:
            text = self.driver.find_element(By.TAG_NAME, "body").text
            raise AssertionError(f"no {selector} at {self.driver.current_url}: {text}") from None

    def _wait(self) -> Any:
        return WebDriverWait(self.driver, 20)
