"""A client asks for a stronger sign-in of the user who decides (CIBA section 7.1)."""

from typing import Any

import pytest
import webtest
from second_factor import ACR as TWO_FACTORS
from support.app import Browser, Provider, decode_id_token
from support.ciba import SETTINGS, CibaClient, decide, forms, user
from support.two_factors import INCLUDED, decline, give_code

from oidcserver import clock

pytestmark = pytest.mark.both_databases

PASSWORD = "1"
SECOND_FACTOR: dict[str, object] = {
    **SETTINGS,
    **INCLUDED,
    "oidc__pages": f"{SETTINGS['oidc__pages']} second_factor",
}
REQUIRED = {**SECOND_FACTOR, "oidcserver__includes": "second_factor support.required_acr_plugin"}


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    provider: Provider = make_provider(**SECOND_FACTOR)
    return provider


@pytest.fixture
def client(provider: Provider) -> CibaClient:
    return CibaClient(provider)


@pytest.fixture
def alice(provider: Provider, frozen: Any) -> Browser:
    """The browser of a user who signed in with a password, a while ago."""
    browser = user(provider)
    frozen.advance(1000)
    return browser


def submit(browser: Browser, decision: str = "allow") -> webtest.TestResponse:
    """Decide on the only request, also by a button that is not there; return the next page."""
    [form] = forms(browser)
    return browser.post(form.action, [*form.submit_fields(), ("decision", decision)]).follow()


def sign_in_of(client: CibaClient, auth_req_id: str) -> tuple[int, str, list[str]]:
    """Return what the ID token says of the sign-in."""
    claims = decode_id_token(client.provider, client.poll(auth_req_id)["id_token"])
    return claims["auth_time"], claims["acr"], claims["amr"]


def buttons(browser: Browser) -> list[str]:
    """Return the decisions that the page of requests offers."""
    return [it["value"] for it in browser.get("/approvals").html.select("[name=decision]")]


def test_the_user_reaches_the_preferred_class_and_then_allows(
    client: CibaClient, alice: Browser, frozen: Any
) -> None:
    signed_in_at = clock.now() - 1000
    auth_req_id = client.ask(acr_values=f"urn:example:gold {TWO_FACTORS}")
    assert "prefers a stronger sign-in than yours" in alice.get("/approvals")
    page = submit(alice)
    assert page.request.path == "/second-factor"
    assert client.error(auth_req_id) == "authorization_pending"
    page = give_code(page)
    assert page.request.path == "/approvals"
    assert "stronger sign-in" not in page
    frozen.advance(10)
    assert client.error(auth_req_id) == "authorization_pending", "the user has not allowed it yet"
    assert "You allowed the request" in decide(alice)
    expected = (signed_in_at, TWO_FACTORS, ["pwd", "otp", "mfa"])
    assert sign_in_of(client, auth_req_id) == expected


def test_a_user_who_cannot_reach_the_preferred_class_allows_without_it(
    client: CibaClient, alice: Browser
) -> None:
    signed_in_at, auth_req_id = clock.now() - 1000, client.ask(acr_values=TWO_FACTORS)
    page = decline(submit(alice))
    assert page.request.path == "/approvals"
    assert client.error(auth_req_id) == "authorization_pending"
    assert "You allowed the request" in decide(alice, "allow_as_signed_in")
    assert sign_in_of(client, auth_req_id) == (signed_in_at, PASSWORD, ["pwd"])


def test_a_sign_in_that_reaches_a_requested_class_suffices(
    client: CibaClient, alice: Browser
) -> None:
    for acr_values in (f"{TWO_FACTORS} {PASSWORD}", "urn:example:gold", PASSWORD):
        auth_req_id = client.ask(acr_values=acr_values)
        assert buttons(alice) == ["deny", "allow"]
        assert "You allowed the request" in decide(alice)
        assert sign_in_of(client, auth_req_id)[1] == PASSWORD
    client.ask(acr_values=TWO_FACTORS)
    give_code(submit(alice))
    decide(alice, "deny")
    auth_req_id = client.ask(acr_values=TWO_FACTORS)
    assert "You allowed the request" in decide(alice)
    assert sign_in_of(client, auth_req_id)[1] == TWO_FACTORS


def test_a_client_may_register_the_classes_that_it_prefers(
    provider: Provider, alice: Browser
) -> None:
    client = CibaClient(provider, default_acr_values=[TWO_FACTORS])
    client.ask()
    assert submit(alice).request.path == "/second-factor"
    decide(alice, "deny")
    client.ask(acr_values=PASSWORD)
    assert buttons(alice) == ["deny", "allow"]


def test_a_client_may_require_a_recent_sign_in_too(provider: Provider, alice: Browser) -> None:
    client = CibaClient(provider, default_max_age=60)
    auth_req_id = client.ask(acr_values=TWO_FACTORS)
    page = submit(alice)
    page.forms["login"]["username"], page.forms["login"]["password"] = "alice", "valid"
    page.forms["login"].submit().follow()
    give_code(submit(alice))
    assert "You allowed the request" in decide(alice)
    expected = (clock.now(), TWO_FACTORS, ["pwd", "otp", "mfa"])
    assert sign_in_of(client, auth_req_id) == expected


def test_a_plugin_may_require_a_class(make_provider: Any, frozen: Any) -> None:
    provider = make_provider(**REQUIRED)
    client, alice = CibaClient(provider), user(provider)
    auth_req_id = client.ask(acr_values=PASSWORD)
    assert "requires a stronger sign-in than yours" in alice.get("/approvals")
    assert buttons(alice) == ["deny", "allow"]
    assert submit(alice, "allow_as_signed_in").request.path == "/second-factor"
    page = decline(submit(alice))
    assert "requires a stronger sign-in than yours" in page
    assert client.error(auth_req_id) == "authorization_pending"
    give_code(submit(alice))
    assert "You allowed the request" in decide(alice)
    assert sign_in_of(client, auth_req_id)[1] == TWO_FACTORS


def test_a_required_class_that_no_page_reaches_leaves_only_the_denial(make_provider: Any) -> None:
    provider = make_provider(**REQUIRED, oidc__acr_values=PASSWORD)
    client, alice = CibaClient(provider), user(provider)
    auth_req_id = client.ask()
    assert buttons(alice) == ["deny"]
    for decision in ("allow", "allow_as_signed_in"):
        assert "you cannot allow the request" in submit(alice, decision)
    assert client.error(auth_req_id) == "authorization_pending"
    decide(alice, "deny")
    assert client.error(auth_req_id) == "access_denied"


def test_a_plugin_cannot_allow_a_request_with_a_weaker_sign_in(
    make_provider: Any,
) -> None:
    includes = f"{REQUIRED['oidcserver__includes']} support.ciba_approval_plugin"
    provider = make_provider(**{**REQUIRED, "oidcserver__includes": includes})
    client = CibaClient(provider)
    user(provider)
    auth_req_id = client.ask()
    url = f"/ciba-approval?auth_req_id={auth_req_id}&action=allow"
    rejected = client.rp.http.post(url, status=400).json
    assert rejected["error"] == "unmet_authentication_requirements"
    assert client.error(auth_req_id) == "authorization_pending"


def test_the_page_of_a_class_leads_back_only_to_this_provider(alice: Browser) -> None:
    for elsewhere in ("https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example"):
        form = alice.get("/second-factor", {"next": elsewhere}).forms["code"]
        assert "elsewhere" not in form.submit("decline").location
