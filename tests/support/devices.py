"""Devices that use the device grant (RFC 8628), and the users who enter their codes."""

from typing import Any

import webtest
from support.app import Browser, Provider, RelyingParty, follow_to_answer

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
#: What a provider selects besides what the tests have anyway.
SETTINGS = {
    "oauth__grants": "authorization_code refresh_token client_credentials device_code",
    "oauth__endpoints": (
        "authorization token revocation introspection userinfo end_session jwks "
        "openid_configuration oauth_authorization_server device_authorization"
    ),
    "oidc__pages": "home login consent logout account device",
}


def register_device(provider: Provider, **metadata: Any) -> RelyingParty:
    """Register an application for devices."""
    values = {
        "client_name": "The Television",
        "grant_types": [DEVICE_CODE, "refresh_token"],
        "response_types": [],
        "redirect_uris": [],
        **metadata,
    }
    return provider.register(**values)


def ask(device: RelyingParty, status: int = 200, **form: Any) -> dict[str, Any]:
    """Request codes; return the members of the answer."""
    values = {"scope": "openid profile offline_access", **form}
    path = "/oauth/device_authorization"
    codes: dict[str, Any] = device.post(path, status=status, **values).json
    return codes


def poll(device: RelyingParty, codes: dict[str, Any], status: Any = 200) -> dict[str, Any]:
    """Poll the token endpoint; return the members of the answer."""
    form = {"grant_type": DEVICE_CODE, "device_code": codes["device_code"]}
    answer: dict[str, Any] = device.token(status=status, **form).json
    return answer


def refusal(device: RelyingParty, codes: dict[str, Any]) -> str:
    """Poll where no token is due; return the error."""
    error: str = poll(device, codes, 400)["error"]
    return error


def enter(browser: Browser, code: str, **submit: Any) -> webtest.TestResponse:
    """Enter a user code as the signed-in user; return the page that follows."""
    form = browser.get("/device").forms["device"]
    form["user_code"] = code
    return follow_to_answer(form.submit(**submit))


def decide(
    browser: Browser, codes: dict[str, Any], decision: str = "allow"
) -> webtest.TestResponse:
    """Enter the user code of a device and decide; return the last page."""
    page = enter(browser, codes["user_code"])
    return follow_to_answer(page.forms["decision"].submit("decision", value=decision))


def signed_in(provider: Provider, username: str = "alice") -> Browser:
    """Return a browser in which a user has signed in."""
    browser = provider.browser()
    browser.sign_in(username)
    return browser


def approved(provider: Provider, device: RelyingParty, **form: Any) -> dict[str, Any]:
    """Return codes of a device that Alice has approved."""
    codes = ask(device, **form)
    page = decide(signed_in(provider), codes)
    assert "Your device is connected" in page
    return codes
