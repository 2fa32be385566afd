"""An application adds what it knows of people, beside the user directory."""

import json
from typing import Any

import pytest
from support.app import Provider, decode_id_token
from support.claims_plugin import PAYROLL

from oidcserver.settings import ConfigurationProblem

INCLUDED = {"oidcserver__includes": "support.claims_plugin"}


def claims_of(provider: Provider, username: str = "alice", **changes: Any) -> tuple[Any, Any]:
    """Allow what a client asks for; return what UserInfo and the ID token say."""
    client = provider.register(scope="openid profile email employment")
    tokens = client.exchange(client.login(provider.browser(), username, **changes)["code"])
    id_token = decode_id_token(provider, tokens["id_token"])
    return client.userinfo(tokens["access_token"]).json, id_token


def test_a_scope_of_a_plugin_returns_what_its_source_knows(make_provider: Any) -> None:
    userinfo, id_token = claims_of(make_provider(**INCLUDED), scope="openid employment")
    assert userinfo == {
        "sub": id_token["sub"],
        "employee_number": "E-7",
        "department": "Tidal Research (badge)",
    }


def test_a_source_knows_better_than_the_directory_and_says_no_more_than_was_asked(
    make_provider: Any,
) -> None:
    userinfo, id_token = claims_of(make_provider(**INCLUDED), scope="openid profile email")
    assert userinfo["name"] == PAYROLL["name"]
    assert userinfo["email"].endswith("@demo.invalid")
    assert userinfo["sub"] == id_token["sub"]
    assert not {"salary", "employee_number"} & userinfo.keys()


def test_what_a_source_does_not_know_is_left_out(make_provider: Any) -> None:
    userinfo, _ = claims_of(
        make_provider(**INCLUDED, oidc__claims_sources="payroll"), "bob", scope="openid employment"
    )
    assert userinfo.keys() == {"sub"}


def test_a_claim_without_a_scope_is_had_by_its_name_and_said_in_the_words_of_its_source(
    make_provider: Any,
) -> None:
    provider = make_provider(**INCLUDED)
    client, browser = provider.register(scope="openid"), provider.browser()
    browser.sign_in()
    claims = json.dumps({"id_token": {"salary": None, "department": None}})
    page = client.authorize(browser, scope="openid", claims=claims)
    assert "See what you earn" in page
    assert "See your department" in page
    _, id_token = claims_of(provider, scope="openid", claims=claims)
    assert (id_token["salary"], id_token["department"]) == (1, "Tidal Research (badge)")


def test_the_selection_chooses_the_sources_and_their_order(make_provider: Any) -> None:
    provider = make_provider(**INCLUDED, oidc__claims_sources="badges payroll")
    userinfo, _ = claims_of(provider, scope="openid employment")
    assert userinfo["department"] == "Tidal Research"
    provider = make_provider(**INCLUDED, oidc__claims_sources="badges")
    userinfo, _ = claims_of(provider, scope="openid employment")
    assert userinfo.keys() == {"sub", "department"}
    with pytest.raises(ConfigurationProblem, match="names 'payrol', which nobody offers"):
        make_provider(**INCLUDED, oidc__claims_sources="payrol")


def test_all_that_can_be_had_is_promised_once(make_provider: Any) -> None:
    browser = make_provider(**INCLUDED).browser()
    supported = browser.get("/.well-known/openid-configuration").json["claims_supported"]
    assert {"employee_number", "salary", "name", "sub"} <= set(supported)
    assert len(set(supported)) == len(supported)


def test_nobody_offers_what_tokens_say_themselves(make_provider: Any) -> None:
    with pytest.raises(
        ConfigurationProblem, match="offers sid, sub, which only the provider may set"
    ):
        make_provider(oidcserver__includes="support.claims_plugin support.usurper_plugin")
