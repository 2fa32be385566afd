"""The pages in a real browser: the walk by mouse and by keyboard, narrow, dark, without scripts."""

from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from support.accessibility import problems
from support.app import Provider, RelyingParty
from support.browser import (
    authorize_url,
    emulate,
    prefer_language,
    refused_by_policy,
    run_no_scripts,
    sign_in,
    wait_for,
)
from support.ciba import SETTINGS, CibaClient
from support.processes import free_port

pytestmark = [pytest.mark.browser, pytest.mark.nodejs]

LONG = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft"
ALL = "openid profile email offline_access"


def client_page(environ: Any, start_response: Any) -> list[bytes]:
    """Where the relying party gets its answer; a script tells whether scripts run."""
    start_response("200 OK", [("Content-Type", "text/html")])
    return [b"<title>arrived</title><script>document.title = 'arrived, with scripts'</script>"]


@pytest.fixture
def client(served: Provider, serve: Any) -> RelyingParty:
    """A relying party at another origin, with a long name."""
    port = free_port()
    serve(client_page, port)
    return served.register(
        client_name=LONG,
        redirect_uris=[f"http://127.0.0.1:{port}/cb"],
        application_type="native",
        policy_uri="https://client.example/privacy",
        tos_uri="https://client.example/terms",
        initiate_login_uri="https://client.example/login",
    )


def arrived(driver: Any, client: RelyingParty) -> str:
    """Return the URL at which the relying party got its answer."""
    redirect_uri = client.client.redirect_uris[0]
    WebDriverWait(driver, 10).until(lambda waiting: waiting.current_url.startswith(redirect_uri))
    url: str = driver.current_url
    return url


@pytest.mark.parametrize(
    ("decision", "javascript"), [("allow", True), ("deny", False)], ids=["scripts", "no scripts"]
)
def test_the_walk_from_login_to_the_application(
    browser: Any, client: RelyingParty, decision: str, javascript: bool
) -> None:
    driver = browser
    if not javascript:
        run_no_scripts(driver)
    driver.get(authorize_url(client))
    sign_in(driver)
    wait_for(driver, f"#consent button[value={decision}]").click()
    url = arrived(driver, client)
    assert ("code=" in url) is (decision == "allow")
    assert ("error=access_denied" in url) is (decision == "deny")
    assert "state=the-state" in url
    assert driver.title == ("arrived, with scripts" if javascript else "arrived")
    assert refused_by_policy(driver) == []


def test_the_login_page_alone_may_end_at_the_application(
    browser: Any, client: RelyingParty
) -> None:
    """Chromium applies form-action to the redirects after a form, so to those of a login too."""
    driver = browser
    driver.get(authorize_url(client))
    sign_in(driver)
    wait_for(driver, "#remember").click()
    wait_for(driver, "#consent [value=allow]").click()
    first = arrived(driver, client)
    driver.get(authorize_url(client, prompt="login"))
    wait_for(driver, "#password").send_keys("valid", Keys.ENTER)
    assert arrived(driver, client) != first
    assert refused_by_policy(driver) == []


def focused(driver: Any) -> Any:
    """Return the element that has the focus, after asserting that this can be seen."""
    element = driver.switch_to.active_element
    style, width = (
        element.value_of_css_property("outline-style"),
        element.value_of_css_property("outline-width"),
    )
    assert style != "none", element.get_attribute("outerHTML")
    assert width == "3px", element.get_attribute("outerHTML")
    return element


def press(driver: Any, *keys: str) -> None:
    """Press keys wherever the focus is."""
    ActionChains(driver).send_keys(*keys).perform()


def tab_to(driver: Any, selector: str) -> None:
    """Press Tab until that element has the focus, which can be seen at each stop."""
    for _ in range(20):
        press(driver, Keys.TAB)
        if focused(driver) == driver.find_element(By.CSS_SELECTOR, selector):
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


def test_the_walk_by_keyboard_alone(browser: Any, client: RelyingParty) -> None:
    driver = browser
    driver.get(authorize_url(client))
    wait_for(driver, "#login")
    assert focused(driver).get_attribute("id") == "username"
    press(driver, "alice", Keys.TAB)
    assert focused(driver).get_attribute("id") == "password"
    press(driver, "wrong", Keys.ENTER)
    wait_for(driver, "[role=alert]")
    assert focused(driver).get_attribute("id") == "password"
    press(driver, "valid", Keys.ENTER)
    wait_for(driver, "#consent")
    press(driver, Keys.TAB)
    skip = focused(driver)
    assert skip.text == "Skip to the content"
    assert skip.rect["y"] >= 0
    press(driver, Keys.ENTER)
    tab_to(driver, "#remember")
    press(driver, Keys.SPACE)
    tab_to(driver, "#consent [value=deny]")
    tab_to(driver, "#consent [value=allow]")
    press(driver, Keys.ENTER)
    assert "code=" in arrived(driver, client)
    driver.get(authorize_url(client))
    assert "code=" in arrived(driver, client)  # remembered


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (320, "dark")])
def test_every_page_is_accessible_and_fits(
    browser: Any, served: Provider, client: RelyingParty, width: int, scheme: str
) -> None:
    driver, issuer = browser, served.issuer
    emulate(driver, width, scheme)

    def inspect() -> None:
        assert problems(driver) == [], driver.current_url
        scrolled = driver.execute_script("return document.documentElement.scrollWidth")
        assert scrolled <= width, driver.current_url

    driver.get(f"{issuer}/")
    inspect()
    driver.get(authorize_url(client, scope=ALL))
    inspect()
    press(driver, LONG[:60], Keys.TAB, "wrong", Keys.ENTER)
    wait_for(driver, "[role=alert]")
    inspect()
    press(driver, "valid", Keys.ENTER)
    wait_for(driver, "#consent")
    inspect()
    wait_for(driver, "#remember").click()
    wait_for(driver, "#consent [value=allow]").click()
    arrived(driver, client)
    driver.get(authorize_url(client, scope=ALL, prompt="consent"))
    inspect()
    claims = '{"userinfo": {"address": null}, "id_token": {"phone_number": null}}'
    driver.get(authorize_url(client, scope=ALL, claims=claims))
    assert "See your phone number" in driver.page_source
    inspect()
    driver.get(authorize_url(client, scope=ALL, prompt="select_account"))
    wait_for(driver, "#continue button")
    inspect()
    wrong = ("/oauth/authorize?client_id=nobody", "/no-such-page")
    for path in ("/", "/account", "/clients", "/create_client", "/login", "/logout", *wrong):
        driver.get(issuer + path)
        inspect()
    driver.get(f"{issuer}/create_client")
    wait_for(driver, "#client_name").send_keys(LONG, Keys.ENTER)
    wait_for(driver, "#redirect_uris-error")
    assert driver.switch_to.active_element.get_attribute("id") == "redirect_uris"
    inspect()
    press(driver, "https://client.example/" + LONG)
    wait_for(driver, "#client button.primary").click()
    wait_for(driver, "#client_secret")
    inspect()
    wait_for(driver, "#client_secret + button").click()
    WebDriverWait(driver, 10).until(lambda waiting: "Copied client_secret" in waiting.page_source)
    wait_for(driver, "main a.primary").click()
    wait_for(driver, "#client")
    driver.execute_script("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    inspect()
    client_url = driver.current_url
    for path in ("/secret", "/delete"):
        driver.get(client_url + path)
        inspect()
    driver.get(f"{issuer}/logout")
    wait_for(driver, "#logout button").click()
    WebDriverWait(driver, 10).until(lambda waiting: "signed out" in waiting.page_source)
    inspect()
    assert refused_by_policy(driver) == []


@pytest.mark.parametrize(
    ("language", "direction", "heading"),
    [("ar", "rtl", "حسابك"), ("de", "ltr", "Ihr Konto"), ("es", "ltr", "Su cuenta"),
     ("fr", "ltr", "Votre compte")],
)  # fmt: skip
def test_a_user_chooses_a_language_in_which_every_page_fits(
    browser: Any,
    served: Provider,
    client: RelyingParty,
    language: str,
    direction: str,
    heading: str,
) -> None:
    driver, issuer = browser, served.issuer
    emulate(driver, 320, "light")

    def inspect() -> None:
        assert problems(driver) == [], driver.current_url
        assert driver.execute_script("return document.documentElement.lang") == language
        assert (
            driver.execute_script("return getComputedStyle(document.body).direction") == direction
        )
        scrolled = driver.execute_script("return document.documentElement.scrollWidth")
        assert scrolled <= 320, driver.current_url

    driver.get(authorize_url(client, scope=ALL, ui_locales="en"))
    wait_for(driver, f"footer [name=locale][value={language}]").click()
    wait_for(driver, f"html[lang={language}]")
    inspect()
    press(driver, LONG[:60], Keys.TAB, "wrong", Keys.ENTER)
    wait_for(driver, "[role=alert]")
    inspect()
    press(driver, "valid", Keys.ENTER)
    wait_for(driver, "#consent")
    inspect()
    places = driver.execute_script(
        "const item = document.querySelector('.scopes li');"
        "return [getComputedStyle(item).paddingInlineStart,"
        " getComputedStyle(item, '::before').insetInlineStart];"
    )
    assert places == ["32px", "8px"]  # the bullet stands before the words
    wait_for(driver, "#consent [value=allow]").click()
    arrived(driver, client)
    wrong = ("/oauth/authorize?client_id=nobody", "/no-such-page")
    for path in ("/", "/account", "/clients", "/create_client", "/logout", *wrong):
        driver.get(issuer + path)
        inspect()
    driver.get(f"{issuer}/account")
    assert driver.find_element(By.CSS_SELECTOR, "h1").text == heading
    assert refused_by_policy(driver) == []


@pytest.mark.parametrize(
    ("width", "scheme", "language"),
    [(1280, "light", "en"), (320, "dark", "en")]
    + [(320, "light", language) for language in ("ar", "de", "es", "fr")],
)
def test_the_page_of_requests_is_accessible_and_fits(
    browser: Any, make_provider: Any, serve: Any, width: int, scheme: str, language: str
) -> None:
    port = free_port()
    provider = make_provider(**SETTINGS, oidc__issuer=f"http://localhost:{port}")
    serve(provider.wsgi, port)
    driver, issuer = browser, provider.issuer
    emulate(driver, width, scheme)

    def inspect() -> None:
        assert problems(driver) == [], driver.current_url
        scrolled = driver.execute_script("return document.documentElement.scrollWidth")
        assert scrolled <= width, driver.current_url

    prefer_language(driver, language)
    driver.get(f"{issuer}/approvals")
    sign_in(driver)
    wait_for(driver, f"html[lang={language}] main a.button")
    inspect()
    asking = CibaClient(provider, client_name=LONG)
    asking.ask(binding_message="W" * 64, scope=ALL)
    auth_req_id = asking.ask()
    driver.get(f"{issuer}/")
    inspect()
    driver.get(f"{issuer}/approvals")
    inspect()
    for _ in range(2):
        tab_to(driver, ".asked [value=deny]")
        tab_to(driver, ".asked [value=allow]")
        press(driver, Keys.ENTER)
        wait_for(driver, ".message.success")
        inspect()
    assert "access_token" in asking.poll(auth_req_id)
    assert refused_by_policy(driver) == []


def test_a_form_at_another_address_of_the_provider_is_told_where_it_belongs(
    browser: Any, served: Provider
) -> None:
    driver = browser
    driver.get(served.issuer.replace("localhost", "127.0.0.1") + "/login")
    sign_in(driver)
    back = wait_for(driver, "main a.button")
    assert back.get_attribute("href") == f"{served.issuer}/login"
    back.click()
    sign_in(driver)
    WebDriverWait(driver, 10).until(lambda waiting: "Hello" in waiting.page_source)


def test_what_a_page_forbids_is_really_seen(browser: Any, served: Provider) -> None:
    """So that the absence of refusals in the other tests says something."""
    driver = browser
    driver.get(f"{served.issuer}/login")
    driver.execute_script(
        "document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:1/'}));"
    )
    WebDriverWait(driver, 10).until(refused_by_policy)


def test_the_inspection_finds_what_is_wrong(browser: Any) -> None:
    """So that its silence in the other tests says something."""
    page = (
        "<body><h1 id=x>a</h1><h3 id=x>b</h3><p style='color: silver'>pale</p><img src=''>"
        "<input aria-describedby=nothing><a href='' style='display: block; height: 9px'></a>"
    )
    browser.get("data:text/html," + page)
    found = {sentence.partition(":")[0] for sentence in problems(browser)}
    assert found >= {
        "html-has-lang", "document-title", "landmark-one-main", "heading-order", "label",
        "image-alt", "link-name", "target-size", "color-contrast", "no direction", "an id twice",
    }  # fmt: skip
