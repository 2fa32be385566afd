"""A plugin's response mode rejects responses that it cannot carry, and protects the others."""

from typing import Any

import pytest
from sqlalchemy import select
from support.app import Browser, Provider, RelyingParty
from support.mode_plugin import CANNOT, opened

from oidcserver.models import AuthorizationCode, SuspendedRequest

MODES = "query fragment form_post boxed"


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(
        oidcserver__includes="support.mode_plugin", oauth__response_modes=MODES
    )
    return made


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(
        grant_types=["authorization_code", "implicit"], response_types=["code", "id_token token"]
    )


@pytest.fixture
def browser(provider: Provider) -> Browser:
    return provider.browser()


def answer(client: RelyingParty, response: Any) -> dict[str, Any]:
    """Return the parameters of a boxed response, which has nothing beside the box."""
    parameters = client.answer(response)
    assert set(parameters) == {"box"}
    return opened(parameters["box"])


def test_only_the_protected_response_is_sent(client: RelyingParty, browser: Browser) -> None:
    response = client.complete(client.authorize(browser, response_mode="boxed"))
    assert client.exchange(answer(client, response)["code"])["access_token"]


def test_an_error_is_protected_too(client: RelyingParty, browser: Browser) -> None:
    response = client.authorize(browser, response_mode="boxed", prompt="none")
    assert answer(client, response)["error"] == "login_required"


def test_a_response_that_it_cannot_carry_is_not_sent_in_another_way(
    client: RelyingParty, browser: Browser
) -> None:
    changes = {"response_type": "id_token token", "response_mode": "boxed"}
    page = client.authorize(browser, **changes)
    assert (page.status_int, page.content_type) == (400, "text/html")
    assert CANNOT in page


def test_if_it_cannot_protect_nothing_is_issued_and_nothing_sent(
    provider: Provider, client: RelyingParty, browser: Browser
) -> None:
    """The response is written before the commit."""
    page = client.complete(client.authorize(browser, response_mode="boxed", state="broken"))
    assert (page.status_int, page.content_type) == (400, "text/html")
    assert "The box is broken." in page
    with provider.database() as dbsession:
        assert dbsession.scalars(select(AuthorizationCode)).all() == []
        assert dbsession.scalars(select(SuspendedRequest.used_at)).all() == [None]
