"""Apache's mod_auth_openidc, unmodified: login, logout, and a page that watches the login."""

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support.apache import Apache
from support.app import RelyingParty
from support.fleet import Fleet
from support.person import Person

pytestmark = pytest.mark.apache


@pytest.fixture
def apache() -> Iterator[Apache]:
    with Apache() as apache:
        yield apache


def start(apache: Apache, fleet: Fleet, settings: dict[str, Any], **metadata: Any) -> RelyingParty:
    """Register the application and start Apache in front of it."""
    client = fleet.provider.register(
        redirect_uris=[apache.redirect_uri],
        post_logout_redirect_uris=[f"{apache.url}/public/", f"{apache.url}/private/"],
        application_type="native",
        **metadata,
    )
    apache.start(
        OIDCProviderMetadataURL=f"{fleet.issuer}/.well-known/openid-configuration",
        OIDCClientID=client.client_id,
        OIDCClientSecret=client.secret,
        OIDCScope="openid profile",
        **settings,
    )
    return client


IMPLICIT = {"grant_types": ["implicit"], "response_types": ["id_token"]}
HYBRID = {
    "grant_types": ["authorization_code", "implicit"],
    "response_types": ["code id_token"],
}


@pytest.mark.parametrize(
    ("settings", "metadata"),
    [
        ({}, {}),
        (
            {"OIDCPKCEMethod": "S256", "OIDCProviderTokenEndpointAuth": "client_secret_post"},
            {"token_endpoint_auth_method": "client_secret_post"},
        ),
        (
            {"OIDCPKCEMethod": "S256", "OIDCProviderTokenEndpointAuth": "client_secret_jwt"},
            {"token_endpoint_auth_method": "client_secret_jwt"},
        ),
        ({"OIDCPKCEMethod": "S256", "OIDCResponseMode": "form_post"}, {}),
        ({"OIDCResponseType": "id_token", "OIDCResponseMode": "form_post"}, IMPLICIT),
        (
            {
                "OIDCResponseType": "code id_token",
                "OIDCResponseMode": "form_post",
                "OIDCPKCEMethod": "S256",
            },
            HYBRID,
        ),
    ],
    ids=["defaults", "post", "jwt", "form_post", "id_token", "code id_token"],
)
def test_from_login_to_logout(
    apache: Apache, fleet: Fleet, settings: dict[str, Any], metadata: dict[str, Any]
) -> None:
    start(apache, fleet, settings, **metadata)
    with Person() as person:
        page = person.visit(f"{apache.url}/private/")
        assert person.seen == ["login", "consent"]
        assert "Only for those who are signed in" in page.text, apache.log()
        assert page.headers["X-Subject"] not in {"", "(null)"}
        assert page.headers["X-Name"] == "alice"
        assert "Only for" in person.visit(f"{apache.url}/private/").text
        assert person.seen == []

        page = person.visit(f"{apache.redirect_uri}?logout={apache.url}/public/")
        assert "For everybody" in page.text
        login = person.send("GET", f"{fleet.issuer}/account")
        assert "/login" in login.headers["Location"], "signed out of the provider too"
        person.visit(f"{apache.url}/private/")
        assert person.seen == ["login", "consent"]


def fill_in(driver: Any, selector: str) -> None:
    """Press a button of the provider's page, and before it fill in what it asks for."""
    button = WebDriverWait(driver, 10).until(
        lambda waiting: waiting.find_element(By.CSS_SELECTOR, selector)
    )
    if selector.startswith("#login"):
        driver.find_element(By.ID, "username").send_keys("alice")
        driver.find_element(By.ID, "password").send_keys("valid")
    button.click()


@pytest.fixture
def key_files(apache: Apache, private_key: Any) -> dict[str, str]:
    """The settings by which the module has a key."""
    settings = {}
    for name, private in (("Private", True), ("Public", False)):
        path = apache.directory / f"{name}.pem"
        path.write_bytes(private_key.as_pem(private=private))
        settings[f"OIDC{name}KeyFiles"] = f"client#{path}"
    return settings


@pytest.fixture
def jwks(private_key: Any) -> dict[str, Any]:
    """The key as it is registered: one, of one name, for signatures and for encryption."""
    jwk = private_key.as_dict(private=False)
    return {"keys": [{name: jwk[name] for name in ("kty", "n", "e", "kid")}]}


def test_its_assertions_and_what_is_encrypted_to_its_key(
    apache: Apache, fleet: Fleet, key_files: dict[str, str], jwks: dict[str, Any]
) -> None:
    settings = {
        **key_files,
        "OIDCProviderTokenEndpointAuth": "private_key_jwt",  # which has to follow the keys
        "OIDCPKCEMethod": "S256",
        "OIDCIDTokenSignedResponseAlg": "PS256",
        "OIDCIDTokenEncryptedResponseAlg": "RSA-OAEP",
        "OIDCIDTokenEncryptedResponseEnc": "A256GCM",
        "OIDCUserInfoSignedResponseAlg": "RS256",
        "OIDCUserInfoEncryptedResponseAlg": "RSA-OAEP",
        "OIDCUserInfoEncryptedResponseEnc": "A128CBC-HS256",
    }
    start(
        apache,
        fleet,
        settings,
        token_endpoint_auth_method="private_key_jwt",
        jwks=jwks,
        id_token_signed_response_alg="PS256",
        id_token_encrypted_response_alg="RSA-OAEP",
        id_token_encrypted_response_enc="A256GCM",
        userinfo_signed_response_alg="RS256",
        userinfo_encrypted_response_alg="RSA-OAEP",
        userinfo_encrypted_response_enc="A128CBC-HS256",
    )
    with Person() as person:
        page = person.visit(f"{apache.url}/private/")
        assert page.headers.get("X-Name") == "alice", (page.text, apache.log())


@pytest.mark.parametrize("how", ["request", "request_uri"])
def test_its_request_object_is_read_by_value_and_fetched(
    apache: Apache, fleet: Fleet, key_files: dict[str, str], jwks: dict[str, Any], how: str
) -> None:
    request_object = {
        "copy_and_remove_from_request": ["nonce"],
        "copy_from_request": [
            "client_id", "response_type", "redirect_uri", "scope", "state",
            "code_challenge", "code_challenge_method",
        ],
        "crypto": {"sign_alg": "RS256"},
        "request_object_type": how,
    }  # fmt: skip
    settings = {
        **key_files,
        "OIDCPKCEMethod": "S256",
        "OIDCRequestObject": json.dumps(request_object).replace('"', '\\"'),
    }
    start(apache, fleet, settings, request_object_signing_alg="RS256", jwks=jwks)
    with Person() as person:
        first = person.send("GET", f"{apache.url}/private/")
        query = parse_qs(urlsplit(first.headers["Location"]).query)
        assert how in query
        assert "nonce" not in query
        page = person.visit(f"{apache.url}/private/")
        assert page.headers.get("X-Name") == "alice", (page.text, apache.log())


def test_it_registers_itself_for_whoever_comes_from_the_provider(
    apache: Apache, fleet: Fleet
) -> None:
    apache.start(
        OIDCMetadataDir=apache.metadata_directory,
        OIDCScope="openid profile",
        OIDCPKCEMethod="S256",
        OIDCClientName="Apache",
    )
    with Person() as person:
        metadata = person.send("GET", f"{fleet.issuer}/.well-known/openid-configuration").text
    # It knows a provider by the file of its name, without the scheme.
    name = quote(fleet.issuer.removeprefix("http://"), safe="")
    (apache.metadata_directory / f"{name}.provider").write_text(metadata)
    started = urlencode({"iss": fleet.issuer, "target_link_uri": f"{apache.url}/private/"})
    with Person() as person:
        page = person.visit(f"{apache.redirect_uri}?{started}")
        assert page.headers.get("X-Name") == "alice", (page.text, apache.log())
    (file,) = apache.metadata_directory.glob("*.client")
    registered = json.loads(file.read_text())
    assert registered["client_name"] == "Apache"
    assert registered["redirect_uris"] == [apache.redirect_uri]


def test_the_provider_tells_it_of_a_sign_out_by_the_back_channel(
    apache: Apache, fleet: Fleet
) -> None:
    settings = {"OIDCPKCEMethod": "S256", "OIDCSessionType": "server-cache"}
    start(
        apache,
        fleet,
        settings,
        backchannel_logout_uri=f"{apache.redirect_uri}?logout=backchannel",
        backchannel_logout_session_required=True,
    )
    with Person() as here, Person("bob") as elsewhere:
        for person in (here, elsewhere):
            page = person.visit(f"{apache.url}/private/")
            assert "Only for" in page.text, apache.log()
        here.sign_out(fleet.issuer)
        deadline = time.monotonic() + 20
        while here.send("GET", f"{apache.url}/private/").status_code == 200:
            assert time.monotonic() < deadline, (fleet.logs(), apache.log())
            time.sleep(0.05)
        assert "Only for" in elsewhere.visit(f"{apache.url}/private/").text
        assert elsewhere.seen == []


@pytest.mark.browser
def test_the_provider_tells_it_of_a_sign_out_by_the_front_channel(
    apache: Apache, fleet: Fleet, browser: Any
) -> None:
    start(
        apache,
        fleet,
        {"OIDCPKCEMethod": "S256"},
        frontchannel_logout_uri=f"{apache.redirect_uri}?logout=get",
        frontchannel_logout_session_required=True,
    )
    browser.get(f"{apache.url}/private/")
    fill_in(browser, "#login button")
    fill_in(browser, "#consent [value=allow]")
    WebDriverWait(browser, 10).until(lambda driver: driver.title == "Private")

    browser.get(f"{fleet.issuer}/logout")
    fill_in(browser, "#logout button")
    WebDriverWait(browser, 10).until(lambda driver: "You are signed out" in driver.page_source)
    # Only where the module has forgotten its session does it ask the provider.
    browser.get(f"{apache.url}/private/")
    WebDriverWait(browser, 10).until(lambda driver: driver.find_elements(By.ID, "login"))


@pytest.mark.browser
def test_its_page_notices_a_sign_out_at_the_provider(
    apache: Apache, fleet: Fleet, browser: Any
) -> None:
    """Session management: the module's frame asks ours and signs its person out too."""
    start(apache, fleet, {"OIDCPKCEMethod": "S256"})
    browser.get(f"{apache.url}/private/")
    fill_in(browser, "#login button")
    fill_in(browser, "#consent [value=allow]")
    WebDriverWait(browser, 10).until(lambda driver: driver.title == "Private")
    heard: list[str] = []

    def hears_it_twice(driver: Any) -> bool:
        heard.extend(entry["message"] for entry in driver.get_log("browser"))
        return sum("receiveMessage: unchanged" in message for message in heard) >= 2

    WebDriverWait(browser, 10).until(hears_it_twice)
    page = browser.current_window_handle
    assert browser.title == "Private"

    browser.switch_to.new_window("tab")
    browser.get(f"{fleet.issuer}/logout")
    fill_in(browser, "#logout button")
    WebDriverWait(browser, 10).until(lambda driver: "You are signed out" in driver.page_source)

    browser.switch_to.window(page)
    WebDriverWait(browser, 10).until(lambda driver: driver.find_elements(By.ID, "login"))
    assert browser.current_url.startswith(fleet.issuer)
