"""Passkeys in Chromium, with its virtual authenticator."""

from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions
from selenium.webdriver.support.ui import WebDriverWait
from support.app import Provider
from support.processes import free_port


@pytest.fixture
def page(make_provider: Any, serve: Any) -> Provider:
    port = free_port()
    provider: Provider = make_provider(
        oidc__issuer=f"http://localhost:{port}", oidc__second_factors="passkey totp recovery_codes"
    )
    serve(provider.wsgi, port)
    return provider


@pytest.fixture
def device(browser: Any) -> Iterator[Any]:
    """Chromium with an authenticator that keeps keys and verifies its user."""
    options = VirtualAuthenticatorOptions(
        protocol=VirtualAuthenticatorOptions.Protocol.CTAP2,
        transport=VirtualAuthenticatorOptions.Transport.INTERNAL,
        has_resident_key=True,
        has_user_verification=True,
        is_user_verified=True,
    )
    browser.add_virtual_authenticator(options)
    yield browser
    browser.remove_virtual_authenticator()


def press(browser: Any, label: str) -> None:
    browser.find_element(By.XPATH, f"//button[contains(., {label!r})]").click()


def wait_for(browser: Any, text: str) -> None:
    WebDriverWait(browser, 30).until(lambda it: text in it.find_element(By.TAG_NAME, "main").text)


def test_a_passkey_is_made_and_signs_in_without_a_password(page: Provider, device: Any) -> None:
    device.get(f"{page.issuer}/login")
    device.find_element(By.ID, "username").send_keys("alice")
    device.find_element(By.ID, "password").send_keys("valid")
    press(device, "Sign in")
    WebDriverWait(device, 30).until(lambda it: "/login" not in it.current_url)
    device.get(f"{page.issuer}/account/passkeys")
    device.find_element(By.ID, "name").send_keys("My telephone")
    press(device, "Create a passkey")
    wait_for(device, "My telephone")
    [credential] = device.get_credentials()
    assert credential.is_resident_credential
    assert credential.rp_id == "localhost"
    device.delete_all_cookies()
    # The authenticator answers the browser's own offer of passkeys at once.
    device.get(f"{page.issuer}/login")
    WebDriverWait(device, 30).until(lambda it: "/login" not in it.current_url)
    device.get(f"{page.issuer}/account")
    assert "alice" in device.find_element(By.TAG_NAME, "main").text


def test_a_user_without_a_passkey_can_go_on_another_way(page: Provider, device: Any) -> None:
    device.get(f"{page.issuer}/login")
    button = device.find_element(By.XPATH, "//button[contains(., 'passkey')]")
    assert button.is_displayed()
    assert device.find_element(By.ID, "username").is_displayed()
    assert device.find_element(By.ID, "username").get_attribute("autocomplete") == (
        "username webauthn"
    )
