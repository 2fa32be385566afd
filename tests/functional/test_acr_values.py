"""How strongly a person is to sign in (OpenID Connect Core sections 3.1.2.1 and 5.5.1.1)."""

import json
from typing import Any

import pytest
from second_factor import ACR as TWO_FACTORS
from second_factor import ATTEMPTS
from sqlalchemy import select
from support.app import Browser, Provider, RelyingParty, decode_id_token, follow_to_answer
from support.two_factors import INCLUDED, code_of, decline, give_code

from oidcserver.models import LoginSession
from oidcserver.settings import ConfigurationProblem

PASSWORD = "1"
UNMET = "unmet_authentication_requirements"


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    """A provider with a page that reaches a class above that of a password."""
    made: Provider = make_provider(
        **INCLUDED,
        oidc__pages="home login consent logout second_factor",
    )
    return made


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register()


@pytest.fixture
def browser(provider: Provider, client: RelyingParty) -> Browser:
    """A browser of alice, who signed in with a password and allowed the client for good."""
    browser = provider.browser()
    browser.sign_in()
    form = client.authorize(browser).forms["consent"]
    form["remember"] = True
    form.submit("decision", value="allow")
    return browser


def essential(*values: str) -> str:
    """The claims parameter that demands one of the classes."""
    return json.dumps({"id_token": {"acr": {"essential": True, "values": values}}})


def acr(client: RelyingParty, page: Any) -> Any:
    """Return the acr of the ID token at the end."""
    tokens = client.exchange(client.answer(page)["code"])
    return decode_id_token(client.provider, tokens["id_token"])["acr"]


# -- what is on offer


def test_the_classes_are_promised_the_weakest_first(provider: Provider) -> None:
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert document["acr_values_supported"] == [PASSWORD, TWO_FACTORS]


def test_without_a_plugin_there_is_the_one_of_a_password(make_provider: Any) -> None:
    provider = make_provider(oidc__password_acr="urn:example:password")
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert document["acr_values_supported"] == ["urn:example:password"]


def test_a_class_that_is_not_selected_does_not_exist(make_provider: Any) -> None:
    provider = make_provider(**INCLUDED, oidc__acr_values=PASSWORD)
    names = [interaction.name for interaction in provider.registry.oidc.provider.interactions]
    assert f"acr {PASSWORD}" in names
    assert f"acr {TWO_FACTORS}" not in names
    client, browser = provider.register(), provider.browser()
    browser.sign_in()
    answer = client.answer(client.authorize(browser, claims=essential(TWO_FACTORS)))
    assert answer["error"] == UNMET


@pytest.mark.parametrize(
    ("values", "sentence"),
    [("1 2", "oidc.acr_values names '2', which nobody offers"), ("x", "names 'x'")],
)
def test_a_class_that_nobody_reaches_stops_the_start(
    make_provider: Any, values: str, sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem, match=sentence):
        make_provider(oidc__acr_values=values)


def test_the_class_of_a_password_has_its_rank(make_provider: Any) -> None:
    with pytest.raises(ConfigurationProblem, match=r"oidc\.acr_values lacks '1'"):
        make_provider(**INCLUDED, oidc__acr_values=TWO_FACTORS)


# -- what is wished


@pytest.mark.parametrize("asked", ["1", "9 1", "1 9", f"1 {TWO_FACTORS}", f"{TWO_FACTORS} 1"])
def test_a_class_that_was_reached_is_said_without_a_question(
    browser: Browser, client: RelyingParty, asked: str
) -> None:
    assert acr(client, client.authorize(browser, acr_values=asked)) == PASSWORD


@pytest.mark.parametrize("asked", ["9", "8 9", "urn:example:unheard-of"])
def test_a_wish_for_what_nobody_reaches_is_no_error(
    browser: Browser, client: RelyingParty, asked: str
) -> None:
    assert acr(client, client.authorize(browser, acr_values=asked)) == PASSWORD
    claims = json.dumps({"id_token": {"acr": {"value": asked}}})
    assert acr(client, client.authorize(browser, claims=claims)) == PASSWORD
    assert acr(client, client.authorize(browser, acr_values=asked, prompt="none")) == PASSWORD


def test_a_stronger_class_is_reached_by_its_page(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    page = client.authorize(browser, acr_values=TWO_FACTORS)
    assert page.request.path == "/second-factor"
    assert acr(client, give_code(page)) == TWO_FACTORS
    with provider.database() as dbsession:
        session = dbsession.scalars(select(LoginSession)).one()
        assert (session.acr, session.amr) == (TWO_FACTORS, ["pwd", "otp", "mfa"])
    assert acr(client, client.authorize(browser, acr_values=TWO_FACTORS)) == TWO_FACTORS
    assert acr(client, client.authorize(browser)) == TWO_FACTORS


def test_who_reached_a_class_reached_the_weaker_ones(
    browser: Browser, client: RelyingParty
) -> None:
    give_code(client.authorize(browser, acr_values=TWO_FACTORS))
    assert acr(client, client.authorize(browser, acr_values=f"9 {PASSWORD}")) == PASSWORD
    asked = f"{TWO_FACTORS} {PASSWORD}"
    assert acr(client, client.authorize(browser, acr_values=asked)) == TWO_FACTORS


def test_who_is_not_signed_in_comes_by_both_pages(
    provider: Provider, client: RelyingParty, browser: Browser
) -> None:
    page = client.authorize(provider.browser(), acr_values=TWO_FACTORS)
    page = client.complete(page)
    assert acr(client, give_code(page)) == TWO_FACTORS


def test_who_declines_a_wish_goes_on_and_is_asked_again_next_time(
    browser: Browser, client: RelyingParty
) -> None:
    page = client.authorize(browser, acr_values=TWO_FACTORS)
    assert acr(client, decline(page)) == PASSWORD
    assert "code" in client.authorize(browser, acr_values=TWO_FACTORS).forms


def test_a_wish_is_never_an_error_of_prompt_none(browser: Browser, client: RelyingParty) -> None:
    page = client.authorize(browser, acr_values=TWO_FACTORS, prompt="none")
    assert acr(client, page) == PASSWORD


def test_a_login_again_begins_at_the_class_of_its_password(
    browser: Browser, client: RelyingParty
) -> None:
    give_code(client.authorize(browser, acr_values=TWO_FACTORS))
    page = client.authorize(browser, acr_values=TWO_FACTORS, prompt="login")
    assert "code" in client.complete(page).forms


def test_a_client_registers_its_wish(provider: Provider) -> None:
    client = provider.register(default_acr_values=[TWO_FACTORS])
    page = client.complete(client.authorize(provider.browser()))
    page = client.complete(give_code(page))
    assert acr(client, page) == TWO_FACTORS
    page = client.authorize(provider.browser(), acr_values=PASSWORD)
    assert acr(client, client.complete(page)) == PASSWORD


def test_a_wish_in_the_claims_parameter_goes_before_the_other_ways(provider: Provider) -> None:
    client = provider.register(default_acr_values=[TWO_FACTORS])
    claims = json.dumps({"id_token": {"acr": {"value": PASSWORD}}})
    page = client.authorize(provider.browser(), claims=claims, acr_values=TWO_FACTORS)
    assert acr(client, client.complete(page)) == PASSWORD
    claims = json.dumps({"id_token": {"acr": {"essential": True}}})
    page = client.authorize(provider.browser(), claims=claims, acr_values=PASSWORD)
    assert acr(client, client.complete(page)) == PASSWORD


# -- what is essential


def test_an_essential_class_that_nobody_reaches_is_refused_at_once(
    provider: Provider, client: RelyingParty, browser: Browser
) -> None:
    for visitor in (provider.browser(), browser):
        answer = client.answer(client.authorize(visitor, claims=essential("9")))
        assert (answer["error"], answer["state"]) == (UNMET, "the-state")


def test_an_essential_class_that_was_reached_is_said(
    browser: Browser, client: RelyingParty
) -> None:
    page = client.authorize(browser, claims=essential("9", PASSWORD), prompt="none")
    assert acr(client, page) == PASSWORD


def test_an_essential_class_is_reached_or_refused(browser: Browser, client: RelyingParty) -> None:
    asked = {"claims": essential(TWO_FACTORS, "9")}
    answer = client.answer(client.authorize(browser, **asked, prompt="none"))
    assert answer["error"] == "login_required"
    answer = client.answer(decline(client.authorize(browser, **asked)))
    assert answer["error"] == UNMET
    assert acr(client, give_code(client.authorize(browser, **asked))) == TWO_FACTORS


def test_a_session_weaker_than_a_password_is_asked_for_one(make_provider: Any) -> None:
    """As after a login by a link in a mail, which some plugin may offer."""
    provider = make_provider(
        **INCLUDED,
        oidc__pages="home login consent logout second_factor",
        oidc__acr_values=f"{TWO_FACTORS} {PASSWORD}",
    )
    client, browser = provider.register(), provider.browser()
    browser.sign_in()
    with provider.database() as dbsession:
        dbsession.scalars(select(LoginSession)).one().acr = TWO_FACTORS
    page = client.authorize(browser, claims=essential(PASSWORD))
    assert page.forms["login"]["username"].value == "alice"
    assert acr(client, client.complete(page)) == PASSWORD


# -- the page


def test_a_wrong_code_is_asked_again_and_a_used_one_is_not_accepted(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    form = client.authorize(browser, acr_values=TWO_FACTORS).forms["code"]
    form["code"] = "12345"
    assert "The code is wrong" in form.submit(status=422)
    form["code"] = "\uff11\uff12\uff13\uff14\uff15\uff16"  # full-width digits
    assert "The code is wrong" in form.submit(status=422)
    code = form["code"] = code_of(provider)
    assert acr(client, follow_to_answer(form.submit())) == TWO_FACTORS
    other = provider.browser()
    page = client.complete(client.authorize(other, acr_values=TWO_FACTORS))
    page.forms["code"]["code"] = code
    assert "was used already" in page.forms["code"].submit(status=422)


def test_codes_cannot_be_guessed(
    provider: Provider, browser: Browser, client: RelyingParty
) -> None:
    form = client.authorize(browser, acr_values=TWO_FACTORS).forms["code"]
    form["code"] = "000000x"
    for _ in range(ATTEMPTS):
        form.submit(status=422)
    form["code"] = code_of(provider)
    assert "try again later" in form.submit(status=429)


def test_a_short_secret_stops_the_start(make_provider: Any) -> None:
    with pytest.raises(ConfigurationProblem, match="needs 32 characters or more"):
        make_provider(**{**INCLUDED, "second_factor__secret": "short"})
