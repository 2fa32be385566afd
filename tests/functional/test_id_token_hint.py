"""The hint says who is meant (OpenID Connect Core sections 3.1.2.1 and 3.1.2.2)."""

from typing import Any

import pytest
from support.app import Provider, RelyingParty


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register()


@pytest.fixture
def hint(provider: Provider, client: RelyingParty) -> str:
    """An ID token of alice."""
    id_token: str = client.exchange(client.login(provider.browser())["code"])["id_token"]
    return id_token


def remembered(provider: Provider, client: RelyingParty, username: str) -> Any:
    """A browser whose person has allowed the client for good."""
    browser = provider.browser()
    browser.sign_in(username)
    form = client.authorize(browser).forms["consent"]
    form["remember"] = True
    form.submit("decision", value="allow")
    return browser


def test_the_hinted_person_gets_a_silent_answer_and_another_does_not(
    provider: Provider, client: RelyingParty, hint: str
) -> None:
    alice, bob = (remembered(provider, client, name) for name in ("alice", "bob"))
    parameters = {"prompt": "none", "id_token_hint": hint}
    assert "code" in client.answer(client.authorize(alice, **parameters))
    assert client.answer(client.authorize(bob, **parameters))["error"] == "login_required"
    stranger = client.answer(client.authorize(provider.browser(), **parameters))
    assert stranger["error"] == "login_required"


def test_another_person_is_asked_to_sign_in_and_whoever_does_not_fit_is_refused(
    provider: Provider, client: RelyingParty, hint: str
) -> None:
    bob = remembered(provider, client, "bob")
    page = client.authorize(bob, id_token_hint=hint)
    assert "login" in page.forms
    answer = client.answer(client.complete(page, "bob"))
    assert answer["error"] == "login_required"
    answer = client.answer(client.complete(client.authorize(bob, id_token_hint=hint), "alice"))
    assert "code" in answer


def test_what_is_not_an_id_token_for_this_client_is_refused(
    provider: Provider, client: RelyingParty, hint: str
) -> None:
    other = provider.register()
    browser = provider.browser()
    for party, value in ((client, hint[:-4] + "AAAA"), (client, "x"), (other, hint)):
        answer = party.answer(party.authorize(browser, id_token_hint=value))
        assert answer["error"] == "invalid_request"
