"""Authenticator apps of users, and their sign-ins in two steps."""

import base64
import re
from typing import Any

import webtest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import func, select
from support.app import Browser, Provider, follow_to_answer

from oidcserver import clock as oidcserver_clock


def code_of(key: str, steps: int = 0) -> str:
    """Return the code of now, or of so many steps later, for the key that the page shows."""
    totp = TOTP(base64.b32decode(key.replace(" ", "")), 6, SHA1(), 30)
    return totp.generate(oidcserver_clock.now() + 30 * steps).decode()


class App:
    """An authenticator app with the secret of one account."""

    def __init__(self, page: webtest.TestResponse) -> None:
        self._key = page.html.find("code", class_="key").get_text()

    def code(self, steps: int = 0) -> str:
        """The code of now, or of so many steps later."""
        return code_of(self._key, steps)


def set_up(browser: Browser) -> App:
    """Set up an app on the account page."""
    page = browser.get("/account").click("Second factors").click("Set up: Authenticator app")
    app = App(page)
    form = page.forms["totp"]
    form["code"] = app.code()
    page = form.submit().follow()
    assert "The second factor was set up." in page
    assert "Remove: Authenticator app" in page
    return app


def enrolled(provider: Provider, clock: Any, username: str = "alice") -> tuple[Browser, App]:
    """Return a signed-in browser of a user with an app, at a time when the first code is over."""
    browser = provider.browser()
    browser.sign_in(username)
    app = set_up(browser)
    clock.advance(60)
    return browser, app


def codes(browser: Browser) -> list[str]:
    """Make recovery codes."""
    page = browser.get("/account/factors").click("Create new codes").forms["codes"].submit()
    return re.findall(r"<code>([a-z0-9]{5}-[a-z0-9]{5})</code>", page.text)


def second_step(browser: Browser, username: str = "alice") -> webtest.TestResponse:
    """Enter the password; return the page that asks for the second factor."""
    return follow_to_answer(browser.sign_in(username))


def enter(
    page: webtest.TestResponse, code: str, *, remember: bool = False, **submit: Any
) -> webtest.TestResponse:
    """Enter the code of a second factor."""
    form = page.forms["factor"]
    form["code"] = code
    if remember:
        form["remember_device"] = True
    return form.submit(**submit)


def count(provider: Provider, model: Any) -> int:
    """Return the number of rows of a table."""
    with provider.database() as dbsession:
        return dbsession.scalar(select(func.count()).select_from(model)) or 0
