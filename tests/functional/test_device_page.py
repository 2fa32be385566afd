"""The page of the device grant: the code, the warning, the decision (RFC 8628, RFC 10027)."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
import webtest
from second_factor import ACR as TWO_FACTORS
from sqlalchemy import select
from support.app import Browser, Provider, RelyingParty, decode_id_token, follow_to_answer
from support.changed_client import change
from support.devices import (
    DEVICE_CODE,
    SETTINGS,
    approved,
    ask,
    decide,
    enter,
    poll,
    refusal,
    register_device,
    signed_in,
)
from support.two_factors import INCLUDED, decline, give_code

from oidcserver.models import Consent, DeviceAuthorization

pytestmark = pytest.mark.both_databases

WRONG = "BBBB-BBBB"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(**SETTINGS)
    return made


@pytest.fixture
def device(provider: Provider) -> RelyingParty:
    return register_device(provider)


def at(browser: Any, address: str) -> Any:
    """Let a browser or a client have a network address."""
    browser.extra_environ["REMOTE_ADDR"] = address
    return browser


def claimed_by(provider: Provider) -> str | None:
    with provider.database() as dbsession:
        return dbsession.scalars(select(DeviceAuthorization.claimed_by)).one()


# -- what the user is shown --------------------------------------------------------------------


def test_the_page_says_who_asks_from_where_and_since_when(
    provider: Provider, device: RelyingParty, clock: Any
) -> None:
    at(device.http, "203.0.113.7").extra_environ["HTTP_USER_AGENT"] = FIREFOX
    codes = ask(device, scope="openid email offline_access")
    clock.advance(130)
    page = enter(at(signed_in(provider), "198.51.100.1"), codes["user_code"])
    for shown in (
        "The Television", codes["user_code"], "203.0.113.7", "a different network from yours",
        "2 minutes ago", "UTC", "Firefox on Linux", "If you did not start this on your own device",
        "alice", "See your email address", "This access continues after you sign out here.",
    ):  # fmt: skip
        assert shown in page.html.get_text(" "), shown
    assert codes["user_code"] not in page.request.url


def test_a_request_from_the_network_of_the_user_is_said_to_be(
    provider: Provider, device: RelyingParty
) -> None:
    at(device.http, "2001:db8:1:2::7")
    codes = ask(device)
    page = enter(at(signed_in(provider), "2001:db8:1:2:ffff::1"), codes["user_code"])
    assert "the network that you use now" in page


def test_markup_of_the_requester_is_text(provider: Provider) -> None:
    device = register_device(provider, client_name="<b>TV</b>")
    device.http.extra_environ["HTTP_USER_AGENT"] = "<script>x</script>"
    page = enter(signed_in(provider), ask(device)["user_code"])
    assert "<b>TV" not in page.text
    assert "<script>x" not in page.text
    assert "&lt;b&gt;TV" in page.text


def test_single_claims_are_shown_and_released(provider: Provider, device: RelyingParty) -> None:
    claims = json.dumps({"userinfo": {"phone_number": None}})
    codes = ask(device, claims=claims)
    page = enter(signed_in(provider), codes["user_code"])
    assert "phone number" in page
    follow_to_answer(page.forms["decision"].submit("decision", value="allow"))
    with provider.database() as dbsession:
        consent = dbsession.scalars(select(Consent)).one()
    assert consent.claims == "phone_number"
    assert not consent.remembered


# -- entering the code -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling",
    [
        lambda code: code.lower(),
        lambda code: code.replace("-", ""),
        lambda code: f"  {code.lower().replace('-', ' ')} ",
        lambda code: code.replace("-", "\u2013"),
        lambda code: "".join(chr(ord(c) + 0xFEE0) for c in code.replace("-", "")),
    ],
    ids=["small", "no dash", "blanks", "another dash", "full width"],
)
def test_the_spelling_of_a_code_does_not_matter(
    provider: Provider, device: RelyingParty, spelling: Any
) -> None:
    codes = ask(device)
    page = enter(signed_in(provider), spelling(codes["user_code"]))
    assert "Connect this device?" in page


def test_the_complete_link_takes_the_code_out_of_the_address_bar_and_still_asks(
    provider: Provider, device: RelyingParty
) -> None:
    codes, browser = ask(device), signed_in(provider)
    parts = urlsplit(codes["verification_uri_complete"])
    moved = browser.get(f"{parts.path}?{parts.query}", status=303)
    assert urlsplit(moved.location).query == ""
    page = moved.follow()
    assert page.forms["device"]["user_code"].value == codes["user_code"]
    assert "Compare this code" in page
    assert claimed_by(provider) is None, "a link alone claims nothing"
    confirmation = follow_to_answer(page.forms["device"].submit())
    assert refusal(device, codes) == "authorization_pending"
    follow_to_answer(confirmation.forms["decision"].submit("decision", value="allow"))
    assert "access_token" in poll(device, codes)


def test_a_user_who_has_to_sign_in_first_need_not_open_the_link_again(
    provider: Provider, device: RelyingParty
) -> None:
    codes, browser = ask(device), provider.browser()
    parts = urlsplit(codes["verification_uri_complete"])
    login = follow_to_answer(browser.get(f"{parts.path}?{parts.query}"))
    form = login.forms["login"]
    form["username"], form["password"] = "alice", "valid"
    page = follow_to_answer(form.submit())
    assert page.forms["device"]["user_code"].value == codes["user_code"]


def test_a_code_that_was_entered_after_the_session_ended_is_kept(
    provider: Provider, device: RelyingParty
) -> None:
    codes, browser = ask(device), signed_in(provider)
    form = browser.get("/device").forms["device"]
    browser.get("/logout").forms["logout"].submit()
    form["user_code"] = codes["user_code"]
    login = follow_to_answer(form.submit())
    login.forms["login"]["username"], login.forms["login"]["password"] = "alice", "valid"
    page = follow_to_answer(login.forms["login"].submit())
    assert page.forms["device"]["user_code"].value == codes["user_code"]


# -- guessing ----------------------------------------------------------------------------------


def guess(browser: Browser, times: int) -> None:
    for _ in range(times):
        assert "That code is not known" in enter(browser, WRONG, status=400)


def test_a_user_has_five_wrong_codes_and_right_ones_forgive_none(
    provider: Provider, device: RelyingParty, clock: Any
) -> None:
    browser = signed_in(provider)
    guess(browser, 2)
    enter(browser, ask(device)["user_code"])
    guess(browser, 3)
    codes = ask(device)
    refused = enter(browser, codes["user_code"], status=429)
    assert "Too many wrong codes were entered. Please try again in 15 minutes." in refused
    assert int(refused.headers["Retry-After"]) <= 900
    enter(browser, codes["user_code"].lower().replace("-", " "), status=429)
    clock.advance(901)
    assert "This code has expired" not in enter(browser, ask(device)["user_code"])


def test_a_network_has_a_limit_of_its_own_that_no_right_code_clears(
    make_provider: Any,
) -> None:
    provider = make_provider(**SETTINGS, oauth__device_code_attempts_per_address="3")
    device = register_device(provider)
    guess(at(signed_in(provider, "mallory"), "203.0.113.7"), 2)
    enter(at(signed_in(provider, "ada"), "203.0.113.7"), ask(device)["user_code"])
    guess(at(signed_in(provider, "bob"), "203.0.113.7"), 1)
    enter(at(signed_in(provider, "carol"), "203.0.113.7"), WRONG, status=429)
    guess(at(signed_in(provider, "carol"), "198.51.100.1"), 1)


@pytest.mark.parametrize("entered", ["", "  ", "---", "aeiou"])
def test_nothing_is_no_guess(provider: Provider, entered: str) -> None:
    browser = signed_in(provider)
    for _ in range(7):
        assert "Enter the code that your device shows." in enter(browser, entered, status=400)


# -- whose request it is -----------------------------------------------------------------------


def test_only_the_account_that_entered_the_code_sees_and_decides(
    provider: Provider, device: RelyingParty
) -> None:
    codes, ada, bob = ask(device), signed_in(provider, "ada"), signed_in(provider, "bob")
    page = enter(ada, codes["user_code"])
    path = urlsplit(page.request.url).path
    token = bob.get("/device").forms["device"]["csrf_token"].value
    bob.get(path, status=404)
    for decision in ("allow", "deny", "switch"):
        bob.post(path, {"csrf_token": token, "decision": decision}, status=404)
    assert "That code is not known" in enter(bob, codes["user_code"], status=400)
    assert refusal(device, codes) == "authorization_pending"
    follow_to_answer(page.forms["decision"].submit("decision", value="allow"))
    bob.get(path, status=404)
    tokens = poll(device, codes)
    assert device.userinfo(tokens["access_token"]).json["preferred_username"] == "ada"


def test_the_page_of_no_request_is_not_found(provider: Provider) -> None:
    signed_in(provider).get("/device/nothing", status=404)
    login = follow_to_answer(provider.browser().get("/device/nothing"))
    assert "login" in login.forms


def test_a_form_without_its_token_decides_nothing(provider: Provider, device: RelyingParty) -> None:
    codes, browser = ask(device), signed_in(provider)
    path = urlsplit(enter(browser, codes["user_code"]).request.url).path
    browser.post(path, {"decision": "allow"}, status=403)
    assert refusal(device, codes) == "authorization_pending"


def test_a_user_may_switch_to_another_account(provider: Provider, device: RelyingParty) -> None:
    codes, browser = ask(device), signed_in(provider, "ada")
    page = enter(browser, codes["user_code"])
    switch = next(form for form in page.forms.values() if "Switch account" in form.text)
    login = follow_to_answer(switch.submit("decision", value="switch"))
    assert claimed_by(provider) is None
    form = login.forms["login"]
    form["username"], form["password"] = "bob", "valid"
    page = follow_to_answer(form.submit())
    assert page.forms["device"]["user_code"].value == codes["user_code"]
    page = follow_to_answer(page.forms["device"].submit())
    follow_to_answer(page.forms["decision"].submit("decision", value="allow"))
    tokens = poll(device, codes)
    assert device.userinfo(tokens["access_token"]).json["preferred_username"] == "bob"


# -- the decision ------------------------------------------------------------------------------


def test_the_first_decision_counts(provider: Provider, device: RelyingParty) -> None:
    codes, browser = ask(device), signed_in(provider)
    page = enter(browser, codes["user_code"])
    form = page.forms["decision"]
    allowed = follow_to_answer(form.submit("decision", value="allow"))
    assert "Your device is connected" in allowed
    denied = follow_to_answer(form.submit("decision", value="deny"))
    assert "Your device is connected" in denied
    again = follow_to_answer(form.submit("decision", value="allow"))
    assert "Your device is connected" in again
    assert "access_token" in poll(device, codes)


def test_a_code_that_was_decided_on_cannot_be_entered_again(
    provider: Provider, device: RelyingParty
) -> None:
    codes, browser = ask(device), signed_in(provider)
    decide(browser, codes)
    assert "That code is not known" in enter(browser, codes["user_code"], status=400)


def test_a_page_that_was_left_open_too_long_decides_nothing(
    provider: Provider, device: RelyingParty, clock: Any
) -> None:
    codes, browser = ask(device), signed_in(provider)
    page = enter(browser, codes["user_code"])
    clock.advance(601)
    late = follow_to_answer(page.forms["decision"].submit("decision", value="allow"))
    assert "This code has expired" in late
    assert "That code is not known" in enter(browser, codes["user_code"], status=400)
    assert refusal(device, codes) == "expired_token"


def test_a_client_that_may_not_ask_any_more_is_not_shown(
    provider: Provider, device: RelyingParty
) -> None:
    codes, browser = ask(device, scope="profile"), signed_in(provider)
    page = enter(browser, codes["user_code"])
    with provider.database() as dbsession:
        client = dbsession.merge(device.client)
        client.client_metadata = {**client.client_metadata, "scope": "email"}
    answer = follow_to_answer(page.forms["decision"].submit("decision", value="allow"))
    assert "decision" not in answer.forms
    assert refusal(device, codes) == "authorization_pending"


def test_a_client_that_registers_more_meanwhile_gets_what_its_page_showed(
    provider: Provider,
) -> None:
    more = "openid email profile offline_access"
    device, browser = register_device(provider, scope="openid"), signed_in(provider)
    codes = ask(device, scope=more)
    page = enter(browser, codes["user_code"])
    change(provider, device, scope=more)
    again = page.forms["decision"].submit("decision", value="allow", status=409)
    for shown in (page, again, browser.get(page.request.url)):
        assert [it.get_text(strip=True) for it in shown.html.select(".scopes li")] == [
            "Know that it is you"
        ]
    assert "The application has changed since you opened this page." in again
    assert refusal(device, codes) == "authorization_pending"
    follow_to_answer(again.forms["decision"].submit("decision", value="allow"))
    tokens = poll(device, codes)
    assert tokens["scope"] == "openid"
    assert device.userinfo(tokens["access_token"]).json.keys() == {"sub"}


def test_a_request_without_a_scope_has_that_which_it_had_when_it_was_made(
    provider: Provider,
) -> None:
    device, browser = register_device(provider, scope="openid"), signed_in(provider)
    codes = ask(device, scope=None)
    change(provider, device, scope="openid email")
    assert "It asks only for permission" in enter(browser, codes["user_code"])
    decide(browser, codes)
    assert "scope" not in poll(device, codes)


@pytest.mark.parametrize(
    "changes", [{"client_name": "Your Bank"}, {"scope": "openid"}, {"grant_types": [DEVICE_CODE]}]
)
def test_a_client_that_changed_since_the_page_was_opened_is_shown_again(
    provider: Provider, device: RelyingParty, changes: dict[str, Any]
) -> None:
    codes, browser = ask(device), signed_in(provider)
    page = enter(browser, codes["user_code"])
    change(provider, device, **changes)
    again = page.forms["decision"].submit("decision", value="allow", status=409)
    assert changes.get("client_name", "The Television") in again
    assert refusal(device, codes) == "authorization_pending"
    page = follow_to_answer(again.forms["decision"].submit("decision", value="allow"))
    assert "Your device is connected" in page


@pytest.mark.parametrize("parameter", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "60"}])
def test_a_request_may_require_a_fresh_sign_in(
    provider: Provider, device: RelyingParty, parameter: dict[str, str], clock: Any
) -> None:
    browser = signed_in(provider)
    clock.advance(100)
    codes = ask(device, **parameter)
    login = enter(browser, codes["user_code"])
    assert "Sign in again" in login
    login.forms["login"]["password"] = "valid"
    page = follow_to_answer(login.forms["login"].submit())
    follow_to_answer(page.forms["decision"].submit("decision", value="allow"))
    assert "access_token" in poll(device, codes)


@pytest.fixture
def with_two_factors(make_provider: Any) -> Provider:
    """A provider with a page that reaches a class above that of a password."""
    provider: Provider = make_provider(
        **{**SETTINGS, **INCLUDED, "oidc__pages": f"{SETTINGS['oidc__pages']} second_factor"}
    )
    return provider


def press(page: webtest.TestResponse, decision: str = "allow") -> webtest.TestResponse:
    """Decide, also by a button that is not there; return the page that follows."""
    form = page.forms["decision"]
    pairs = [*form.submit_fields(), ("decision", decision)]
    return follow_to_answer(page.test_app.post(page.request.url, pairs))


def decisions(page: webtest.TestResponse) -> list[str]:
    """Return the decisions that a page offers."""
    return [it["value"] for it in page.html.select("#decision [name=decision]")]


def test_a_login_that_is_too_weak_is_followed_by_a_stronger_one(
    with_two_factors: Provider,
) -> None:
    device, browser = register_device(with_two_factors), signed_in(with_two_factors)
    wish = {"essential": True, "value": TWO_FACTORS}
    codes = ask(device, claims=json.dumps({"id_token": {"acr": wish}}))
    page = enter(browser, codes["user_code"])
    assert "requires a stronger sign-in" in page
    assert decisions(page) == ["deny", "allow"]
    assert press(page, "allow_as_signed_in").request.path == "/second-factor"
    back = decline(press(page))
    assert back.request.path == page.request.path
    page = give_code(press(back))
    assert decisions(page) == ["deny", "allow"]
    assert refusal(device, codes) == "authorization_pending"
    press(page)
    claims = decode_id_token(with_two_factors, poll(device, codes)["id_token"])
    assert (claims["acr"], claims["amr"]) == (TWO_FACTORS, ["pwd", "otp", "mfa"])


def test_the_user_may_allow_without_the_stronger_login_that_the_device_prefers(
    with_two_factors: Provider,
) -> None:
    device, browser = register_device(with_two_factors), signed_in(with_two_factors)
    codes = ask(device, acr_values=TWO_FACTORS)
    page = enter(browser, codes["user_code"])
    assert "prefers a stronger sign-in" in page
    assert decisions(page) == ["deny", "allow_as_signed_in", "allow"]
    assert press(page).request.path == "/second-factor"
    press(page, "allow_as_signed_in")
    assert decode_id_token(with_two_factors, poll(device, codes)["id_token"])["acr"] == "1"


def test_a_request_may_name_its_user_by_an_id_token(
    provider: Provider, device: RelyingParty
) -> None:
    id_token = poll(device, approved(provider, device))["id_token"]
    for username, allowed in (("bob", False), ("alice", True)):
        codes = ask(device, id_token_hint=id_token)
        page = enter(signed_in(provider, username), codes["user_code"])
        assert ("asks for a different account" in page) is not allowed
        page.forms["decision"].submit("decision", value="allow")
        assert ("access_token" in poll(device, codes, "*")) is allowed


def test_a_request_for_another_user_cannot_be_allowed(
    provider: Provider, device: RelyingParty
) -> None:
    claims = json.dumps({"id_token": {"sub": {"value": "somebody-else"}}})
    codes = ask(device, claims=claims)
    page = enter(signed_in(provider), codes["user_code"])
    assert "asks for a different account" in page
    assert "Allow" not in page.forms["decision"].text
