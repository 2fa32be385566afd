"""oidc-client-ts in a real browser: a public client at another origin, from login to logout."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support.app import RelyingParty
from support.fleet import Fleet
from support.single_page_server import SinglePageServer, serve_single_page

pytestmark = [pytest.mark.nodejs, pytest.mark.browser]

PAGE = Path(__file__).parent / "single_page"
LIBRARY = "oidc-client-ts/dist/browser/oidc-client-ts.min.js"


@pytest.fixture
def server() -> Iterator[SinglePageServer]:
    """The web server of the application."""
    with serve_single_page() as server:
        yield server


@pytest.fixture
def client(fleet: Fleet, server: SinglePageServer) -> RelyingParty:
    """The application as it is registered."""
    return fleet.provider.register(
        client_name="Single Page", redirect_uris=[f"{server.origin}/", f"{server.origin}/silent"],
        post_logout_redirect_uris=[f"{server.origin}/"], token_endpoint_auth_method="none",
    )  # fmt: skip


@pytest.fixture
def application(
    browser: Any, fleet: Fleet, server: SinglePageServer, client: RelyingParty, node_modules: Path
) -> "Application":
    """The application in a browser."""
    server.files = {
        "/": PAGE / "index.html",
        "/application.js": PAGE / "application.js",
        "/silent": PAGE / "silent.html",
        "/silent.js": PAGE / "silent.js",
        "/oidc-client-ts.js": node_modules / LIBRARY,
        "/settings.json": {
            "authority": fleet.issuer,
            "client_id": client.client_id,
            "scope": "openid profile email",
            "post_logout_redirect_uri": f"{server.origin}/",
            "silent_redirect_uri": f"{server.origin}/silent",
            "monitorSession": True,
            "checkSessionIntervalInSeconds": 1,
        },
    }
    return Application(browser, server.origin)


class Application:
    """The browser, as a person and as the application's scripts use it."""

    def __init__(self, driver: Any, origin: str) -> None:
        self.driver = driver
        self.origin = origin

    def open(self) -> str:
        """Visit the application; return what it says of itself."""
        self.driver.get(f"{self.origin}/")
        return self.state()

    def state(self) -> str:
        """Return what the application says of itself once it knows."""
        wait = WebDriverWait(self.driver, 10)
        wait.until(lambda driver: driver.current_url.startswith(self.origin))
        wait.until(lambda driver: driver.title not in {"", "loading"})
        title: str = self.driver.title
        return title

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a function body in the page; return its value, or ``{"refused": ...}``."""
        return self.driver.execute_async_script(
            f"""
            const done = arguments[arguments.length - 1];
            (async () => {{ {script} }})().then(
              done, problem => done({{refused: problem.error ?? problem.name}}));
            """,
            *arguments,
        )

    def user(self) -> Any:
        """Return what the library holds of the person."""
        return self.run("return JSON.parse((await manager.getUser()).toStorageString())")

    def sign_in(self) -> None:
        """Send the person to the provider."""
        self.run("manager.signinRedirect()")

    def fill_in(self, form: str) -> None:
        """Fill in a form of the provider."""
        wait = WebDriverWait(self.driver, 10)
        wait.until(lambda driver: driver.find_elements(By.ID, form))
        if form == "login":
            self.driver.find_element(By.ID, "username").send_keys("alice")
            self.driver.find_element(By.ID, "password").send_keys("valid")
        if form == "consent":
            self.driver.find_element(By.CSS_SELECTOR, "#consent [value=allow]").click()
        else:
            self.driver.find_element(By.CSS_SELECTOR, f"#{form} button").click()

    def complaints(self) -> list[str]:
        """Return what the browser found wrong."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


def test_from_login_to_logout(application: Application, fleet: Fleet) -> None:
    assert application.open() == "signed out"
    application.sign_in()
    application.fill_in("login")
    application.fill_in("consent")
    assert application.state() == "signed in"
    user = application.user()
    assert user["profile"]["preferred_username"] == "alice"  # of UserInfo
    assert user["profile"]["email"].endswith("@demo.invalid")
    assert user["profile"]["iss"] == fleet.issuer  # of the ID token
    assert user["scope"] == "openid profile email"

    renewed = application.run("return {...await manager.signinSilent()}")
    assert renewed["access_token"] != user["access_token"]
    assert renewed["refresh_token"] != user["refresh_token"]
    assert renewed["profile"]["sub"] == user["profile"]["sub"]

    # Signed in at the provider: no password the second time.
    application.sign_in()
    application.fill_in("consent")
    assert application.state() == "signed in"
    user = application.user()
    assert application.complaints() == []

    application.run("await manager.revokeTokens(['access_token', 'refresh_token'])")
    assert application.user().get("refresh_token") is None
    assert application.complaints() == []
    assert fleet.ask_userinfo(user["access_token"]) == 401

    application.driver.get(f"{fleet.issuer}/logout")
    application.fill_in("logout")
    WebDriverWait(application.driver, 10).until(
        lambda driver: "You are signed out" in driver.page_source
    )
    application.open()
    application.sign_in()
    application.fill_in("login")
    application.fill_in("consent")
    assert application.state() == "signed in"


def test_a_sign_out_elsewhere_is_noticed(application: Application, fleet: Fleet) -> None:
    """Session management: the library's frame asks ours each second."""
    application.open()
    application.sign_in()
    application.fill_in("login")
    application.fill_in("consent")
    assert application.state() == "signed in"
    driver = application.driver
    application.run(
        """
        window.heard = [];
        addEventListener('message', event => heard.push(event.data));
        manager.events.addUserSignedOut(() => heard.push('signed out'));
        """
    )

    def hears(word: str) -> None:
        WebDriverWait(driver, 20).until(
            lambda driver: word in driver.execute_script("return window.heard")
        )

    hears("unchanged")
    page = driver.current_window_handle
    driver.switch_to.new_window("tab")
    driver.get(f"{fleet.issuer}/logout")
    application.fill_in("logout")
    WebDriverWait(driver, 10).until(lambda driver: "You are signed out" in driver.page_source)
    driver.switch_to.window(page)
    hears("changed")
    hears("signed out")


def test_the_application_signs_its_person_out(application: Application, fleet: Fleet) -> None:
    application.open()
    application.sign_in()
    application.fill_in("login")
    application.fill_in("consent")
    assert application.state() == "signed in"
    application.run("manager.signoutRedirect()")
    WebDriverWait(application.driver, 10).until(lambda driver: driver.title == "signed out")
    assert application.state() == "signed out"
    application.sign_in()
    application.fill_in("login")


def test_a_refusal_can_be_read_and_understood(application: Application) -> None:
    """The library gets the error of the standard, across origins too."""
    application.open()
    application.sign_in()
    application.fill_in("login")
    application.fill_in("consent")
    application.state()
    script = """
        const user = await manager.getUser();
        await manager.revokeTokens(['refresh_token']);
        await manager.storeUser(user);
        return {...await manager.signinSilent()};
    """
    assert application.run(script) == {"refused": "invalid_grant"}


def test_a_page_of_another_origin_reads_nothing(
    application: Application, fleet: Fleet, client: RelyingParty
) -> None:
    """Discovery and errors are public; what is for one client's pages is for them alone."""
    application.open()
    application.sign_in()
    application.fill_in("login")
    application.fill_in("consent")
    application.state()
    token = application.run("return (await manager.getUser()).access_token")
    bearer = {"headers": {"Authorization": f"Bearer {token}"}}
    userinfo = f"{fleet.issuer}/oauth/userinfo"
    read = "const answer = await fetch(arguments[0], arguments[1]); return answer.status"
    assert application.run(read, userinfo, bearer) == 200
    # The same server by another name is another origin.
    application.driver.get(application.origin.replace("127.0.0.1", "localhost") + "/")
    configuration = f"{fleet.issuer}/.well-known/openid-configuration"
    assert application.run(read, configuration, {}) == 200
    form = {
        "method": "POST",
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        "body": f"grant_type=refresh_token&refresh_token=x&client_id={client.client_id}",
    }
    assert application.run(read, f"{fleet.issuer}/oauth/token", form) == 400
    assert application.run(read, userinfo, {}) == 401
    assert application.run(read, userinfo, bearer) == {"refused": "TypeError"}
