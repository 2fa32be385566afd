"""The account page: one's sessions and what one allowed."""

from typing import Any

import pytest
from support.app import Provider, RelyingParty


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(client_name="Shop & Sons")


def test_an_application_is_listed_and_its_withdrawal_ends_its_tokens(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    tokens = client.exchange(client.login(browser, scope="openid offline_access")["code"])
    page = browser.get("/account")
    assert "Shop &amp; Sons" in page.text
    form = next(form for form in page.forms.values() if form.action.endswith("/applications"))
    page = form.submit("client").follow()
    assert "Shop" not in page.text
    client.userinfo(tokens["access_token"], status=401)
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"


def test_another_browser_is_signed_out_from_here(provider: Provider) -> None:
    here, there = provider.browser(), provider.browser()
    here.sign_in("alice")
    there.sign_in("alice")
    page = here.get("/account")
    forms = [form for form in page.forms.values() if form.action.endswith("/sessions")]
    assert len(forms) == 2
    other = next(form for form in forms if "Sign out there" in form.text)
    other.submit("session")
    assert there.get("/account").status_int == 303
    assert here.get("/account").status_int == 200


def test_a_strangers_session_cannot_be_ended(provider: Provider) -> None:
    alice, mallory = provider.browser(), provider.browser()
    alice.sign_in("alice")
    mallory.sign_in("mallory")
    form: Any = next(
        form for form in alice.get("/account").forms.values() if "session" in form.fields
    )
    stolen = form.fields["session"][0]._value
    own = next(form for form in mallory.get("/account").forms.values() if "session" in form.fields)
    pairs = {"csrf_token": own["csrf_token"].value, "session": stolen}
    mallory.post("/account/sessions", pairs)
    assert alice.get("/account").status_int == 200


def test_the_page_wants_somebody_signed_in(provider: Provider) -> None:
    assert provider.browser().get("/account").location.endswith("/login?next=%2Faccount")
