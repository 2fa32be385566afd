"""The class (acr) of a sign-in at an upstream, among the other classes."""

import json
from typing import Any

import pytest
import webtest
from support.app import Browser, Provider, RelyingParty, decode_id_token, follow_to_answer
from support.factors import App, enter
from support.upstream import Upstream

from oidcserver.clock import now as clock_now
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases


@pytest.fixture
def upstream(upstream: Upstream) -> Upstream:
    upstream.userinfo = {"email": "ada@example.com", "email_verified": True}
    return upstream


@pytest.fixture
def make(make_provider: Any, upstream: Upstream) -> Any:
    own = upstream.settings(allow_registration="true", acr="gold")

    def make(**settings: str) -> Provider:
        provider: Provider = make_provider(oidc__user_directory="demo", **own | settings)
        return provider

    return make


def signed_in_there(
    client: RelyingParty, browser: Browser, upstream: Upstream, **asked: str
) -> webtest.TestResponse:
    """Begin a request of an application, and press the button of the login page."""
    page = client.authorize(browser, **asked)
    answer = upstream.answer_url(page.forms["upstream-other"].submit())
    return follow_to_answer(browser.get(answer))


def acr_at_the_end(client: RelyingParty, consent: webtest.TestResponse) -> Any:
    tokens = client.exchange(client.answer(client.complete(consent))["code"])
    return decode_id_token(client.provider, tokens["id_token"])["acr"]


def test_the_class_of_an_upstream_has_a_rank_among_the_others(
    make: Any, upstream: Upstream
) -> None:
    for settings, order in (
        ({}, ["1", "gold"]),
        ({"oidc__second_factors": "totp"}, ["1", "gold", "2"]),
        ({"oidc__second_factors": "totp", "oidc__acr_values": "1 2 gold"}, ["1", "2", "gold"]),
    ):
        provider = make(**settings)
        document = provider.browser().get("/.well-known/openid-configuration").json
        assert document["acr_values_supported"] == order
        client, browser = provider.register(), provider.browser()
        consent = signed_in_there(client, browser, upstream, acr_values="1")
        assert "consent" in consent.forms, "gold satisfies a request for 1"
        assert acr_at_the_end(client, consent) == "1"
        assert acr_at_the_end(client, client.authorize(browser, acr_values="gold")) == "gold"
        policy = provider.registry.oidc.provider.acr_policy
        assert policy.strongest(order) == order[-1]


def test_the_setting_of_the_order_names_the_class_of_an_upstream(
    make: Any, upstream: Upstream
) -> None:
    with pytest.raises(ConfigurationProblem, match="lacks 'gold', the acr of an upstream"):
        make(oidc__acr_values="1")
    two = {"oidc__second_factors": "totp"}
    with pytest.raises(ConfigurationProblem, match="lacks '2', the class of a login with a second"):
        make(oidc__acr_values="1 gold", **two)
    with pytest.raises(ConfigurationProblem, match=r"another order than oidc\.password_acr"):
        make(oidc__acr_values="2 1 gold", **two)


def test_a_user_who_cannot_reach_the_class_of_an_upstream_goes_on_without(
    make: Any, upstream: Upstream
) -> None:
    provider = make()
    client, browser = provider.register(), provider.browser()
    browser.sign_in()
    page = client.authorize(browser, acr_values="gold")
    for _ in range(2):
        assert "upstream-other" in page.forms, "the upstream is offered"
        form = page.forms["login"]
        form["username"], form["password"] = "alice", "valid"
        page = follow_to_answer(form.submit())
    assert acr_at_the_end(client, page) == "1"
    # A class that the application requires is not given up.
    claims = json.dumps({"id_token": {"acr": {"essential": True, "value": "gold"}}})
    page = client.authorize(browser, claims=claims)
    for _ in range(3):
        form = page.forms["login"]
        form["username"], form["password"] = "alice", "valid"
        page = follow_to_answer(form.submit())
    assert "upstream-other" in page.forms


def test_a_user_of_an_upstream_changes_factors(make: Any, upstream: Upstream, clock: Any) -> None:
    """By a sign-in there and the factor, though a password and the factor reach a higher class."""
    lines = "low: password\ngold: upstream.other\nhigh: password+totp"
    browser = make(oidc__second_factors="totp recovery_codes", oidc__acr_methods=lines).browser()
    upstream.sign_in(browser)
    page = browser.get("/account/totp")
    app = App(page)
    page.forms["totp"]["code"] = app.code()
    page.forms["totp"].submit()
    clock.advance(600)
    answer = browser.get("/account/recovery-codes")
    assert "acr=gold" in answer.location
    page = follow_to_answer(_sign_in_there(browser, upstream, answer.follow()))
    page = follow_to_answer(enter(page, app.code()))
    assert "codes" in page.forms
    # One factor is still not enough.
    clock.advance(600)
    answer = browser.get("/account/recovery-codes")
    page = _sign_in_there(browser, upstream, answer.follow())
    assert follow_to_answer(page).request.path == "/login/totp"
    assert "/login" in browser.get("/account/recovery-codes").location


def _sign_in_there(browser: Browser, upstream: Upstream, login: webtest.TestResponse) -> Any:
    now = clock_now()
    upstream.claims = {"iat": now, "exp": now + 60, "auth_time": now}
    return browser.get(upstream.answer_url(login.forms["upstream-other"].submit()))
