"""Code offers, the ini chooses, the start answers."""

from typing import Any

import pytest
from pyramid.config import Configurator

from oidcserver.settings import ConfigurationProblem, seconds

MINIMAL = {
    "oidc.issuer": "https://login.example",
    "oauth.grants": "tea",
    "oauth.token_endpoint_auth_methods": "",
    "oauth.endpoints": "",
    "oauth.response_modes": "",
    "oidc.pages": "",
    "oidc.subject_types": "",
    "oidc.user_directory": "nobody",
}


class Tea:
    GRANT_TYPE = "urn:example:tea"

    @classmethod
    def check_token_endpoint(cls, request: Any) -> bool:
        return True


class Nobody:
    def authenticate(self, request: Any, username: str, password: str) -> None:
        return None

    def claims(self, request: Any, user: Any) -> dict[str, Any]:
        return {}


def configure(*plugins: Any, **settings: str) -> Any:
    own = {name.replace("__", ".", 1): value for name, value in settings.items()}
    with Configurator(settings={**MINIMAL, **own}) as config:
        config.include("oidcserver.plugins")
        config.add_user_directory("nobody", Nobody())
        for plugin in plugins:
            config.include(plugin)
    return config.registry.oidc.provider


def offers_tea(config: Any) -> None:
    config.add_oauth_grant("tea", Tea)


def test_a_selected_grant_is_there_and_one_that_is_only_offered_is_not() -> None:
    def offers_coffee(config: Any) -> None:
        config.add_oauth_grant("coffee", Tea, grant_type="urn:example:coffee")

    provider = configure(offers_tea, offers_coffee)
    assert list(provider.grant_types) == ["urn:example:tea"]


def test_an_unknown_grant_stops_the_start_and_the_sentence_says_what_is_on_offer() -> None:
    with pytest.raises(ConfigurationProblem) as problem:
        configure(offers_tea, oauth__grants="te")
    sentence = str(problem.value)
    assert sentence.startswith("oauth.grants names 'te', which nobody offers.")
    assert "Did you mean 'tea'?" in sentence
    assert f"tea ({__file__}:" in sentence


def test_an_unknown_setting_stops_the_start() -> None:
    with pytest.raises(ConfigurationProblem, match=r"oauth\.grant'.*Did you mean 'oauth\.grants'"):
        configure(offers_tea, **{"oauth.grant": "tea"})


def test_a_value_that_cannot_be_read_stops_the_start() -> None:
    def declares(config: Any) -> None:
        config.add_oauth_setting("oauth.steeping", seconds, 180, "How long.")

    assert configure(offers_tea, declares).settings["oauth.steeping"] == 180
    assert configure(offers_tea, declares, oauth__steeping="5m").settings["oauth.steeping"] == 300
    with pytest.raises(ConfigurationProblem, match="a number of seconds"):
        configure(offers_tea, declares, oauth__steeping="long")


def test_two_plugins_that_claim_one_name_stop_the_start_with_both_places() -> None:
    def offers_tea_too(config: Any) -> None:
        config.add_oauth_grant("tea", Tea)

    with pytest.raises(ConfigurationProblem, match="grant 'tea' is offered twice") as conflict:
        configure(offers_tea, offers_tea_too)
    assert str(conflict.value).count(__file__) == 2


def test_two_grants_that_claim_one_grant_type_are_refused() -> None:
    def offers_chai(config: Any) -> None:
        config.add_oauth_grant("chai", Tea)

    with pytest.raises(ConfigurationProblem, match="'tea' and 'chai', which both claim"):
        configure(offers_tea, offers_chai, oauth__grants="tea chai")


def test_two_grants_that_claim_one_response_type_are_refused_whatever_its_order_of_words() -> None:
    def offers(config: Any) -> None:
        config.add_oauth_grant("one", Tea, grant_type="1", response_types=["code token"])
        config.add_oauth_grant("two", Tea, grant_type="2", response_types=["token code"])

    with pytest.raises(ConfigurationProblem, match="'code token'"):
        configure(offers, oauth__grants="one two")


def test_a_response_type_that_no_grant_offers_is_refused() -> None:
    with pytest.raises(ConfigurationProblem, match="'code', which no selected grant offers"):
        configure(offers_tea, oauth__response_types="code")


def test_the_application_overrides_an_offer_of_a_plugin() -> None:
    class Better(Tea):
        pass

    with Configurator(settings=MINIMAL) as config:
        config.include("oidcserver.plugins")
        config.include(offers_tea)
        config.add_user_directory("nobody", Nobody())
        config.add_oauth_grant("tea", Better)
    assert config.registry.oidc.provider.grants["tea"].factory is Better


def test_an_endpoint_that_is_not_selected_has_neither_route_nor_metadata() -> None:
    def offers_kettle(config: Any) -> None:
        config.add_oauth_endpoint(
            "kettle", "/kettle", lambda request: None, metadata={"kettle_colours": ["blue"]}
        )

    assert configure(offers_tea, offers_kettle).discovery() == {}
    provider = configure(offers_tea, offers_kettle, oauth__endpoints="kettle")
    assert provider.discovery() == {
        "kettle_endpoint": "https://login.example/kettle",
        "kettle_colours": ["blue"],
    }
    assert provider.route_names == {"kettle_endpoint"}


def test_stages_keep_the_order_of_their_offers_unless_one_says_otherwise() -> None:
    def offers_stages(config: Any) -> None:
        for name in ("water", "leaves", "milk"):
            config.add_oauth_stage("authorization", name, name.upper)
        config.add_oauth_stage("authorization", "cup", str, before="water")
        config.add_oauth_stage("authorization", "steep", str, after="leaves")

    stages = configure(offers_tea, offers_stages).stages["authorization"]
    names = [name for name, _ in stages]
    assert names.index("cup") < names.index("water") < names.index("leaves") < names.index("milk")
    assert names.index("leaves") < names.index("steep")


def test_a_stage_of_a_misspelt_pipeline_stops_the_start() -> None:
    def offers(config: Any) -> None:
        config.add_oauth_stage("authorisation", "cup", str)

    with pytest.raises(ConfigurationProblem) as problem:
        configure(offers_tea, offers)
    assert f"The stage 'cup' of {__file__}:" in str(problem.value)
    assert "Did you mean 'authorization'?" in str(problem.value)


@pytest.mark.parametrize("side", ["after", "before"])
def test_a_misspelt_neighbour_stops_the_start(side: str) -> None:
    def offers(config: Any) -> None:
        config.add_oauth_stage("authorization", "leaves", str)
        config.add_oauth_stage("authorization", "milk", str, **{side: "leafs"})

    sentence = rf"'milk' \(.*\) has to come {side} 'leafs', .* Did you mean 'leaves'\?"
    with pytest.raises(ConfigurationProblem, match=sentence):
        configure(offers_tea, offers)


def test_of_several_neighbours_one_has_to_be_there() -> None:
    def offers(config: Any) -> None:
        config.add_oauth_stage("authorization", "leaves", str)
        config.add_oauth_stage("authorization", "milk", str, before=["sugar", "leaves"])

    stages = configure(offers_tea, offers).stages["authorization"]
    assert [name for name, _ in stages] == ["milk", "leaves"]


def test_stages_that_come_after_each_other_stop_the_start() -> None:
    def offers(config: Any) -> None:
        config.add_oauth_stage("authorization", "leaves", str, after="milk")
        config.add_oauth_stage("authorization", "milk", str, after="leaves")

    with pytest.raises(ConfigurationProblem, match=r"No order of .*'leaves'.* is possible"):
        configure(offers_tea, offers)


@pytest.mark.parametrize(
    ("directive", "arguments", "sentence"),
    [
        ("add_client_authentication_method", ("tls", object()),
         "client authentication method 'tls' of .* has no presented and no authenticate"),
        ("add_user_directory", ("ldap", object()), "has no authenticate and no claims"),
        ("add_access_token_format", ("paseto", object()), "has no encode and no decode"),
        ("add_oauth_endpoint", ("kettle", "/kettle", None), "cannot be called"),
        ("add_response_mode", ("pigeon", None), "cannot be called"),
        ("add_claims_source", ("payroll", object(), {}), "cannot be called"),
        ("add_subject_type", ("alias", None), "cannot be called"),
        ("add_client_metadata_member", ("tea", None), "cannot be called"),
        ("add_oauth_stage", ("authorization", "cup", None), "cannot be called"),
        ("add_scope", ("two words", "Two words"), "'two words' of .* is not the name of one scope"),
        ("add_scope", ("", "Nothing"), "is not the name of one scope"),
    ],
)  # fmt: skip
def test_what_could_not_be_used_stops_the_start(
    directive: str, arguments: tuple[Any, ...], sentence: str
) -> None:
    def offers(config: Any) -> None:
        getattr(config, directive)(*arguments)

    with pytest.raises(ConfigurationProblem, match=sentence):
        configure(offers_tea, offers)


def test_two_endpoints_of_one_path_stop_the_start() -> None:
    def offers(config: Any) -> None:
        config.add_oauth_endpoint("kettle", "/kettle", lambda request: None)
        config.add_oauth_endpoint("pot", "kettle", lambda request: None)

    assert configure(offers_tea, offers, oauth__endpoints="kettle").endpoints == {
        "kettle": "/kettle"
    }
    sentence = "'kettle_endpoint' and 'pot_endpoint', which both have the path /kettle"
    with pytest.raises(ConfigurationProblem, match=sentence):
        configure(offers_tea, offers, oauth__endpoints="kettle pot")


def test_start_up_checks_speak_all_at_once() -> None:
    def checks(config: Any) -> None:
        config.add_startup_check("one", lambda registry: "The kettle is cold.")
        config.add_startup_check("two", lambda registry: "The cup is broken.")
        config.add_startup_check("three", lambda registry: None)

    with pytest.raises(ConfigurationProblem, match=r"The kettle is cold\.\nThe cup is broken\."):
        configure(offers_tea, checks)


def test_a_profile_brings_defaults_that_the_ini_overrides_and_rules_that_refuse() -> None:
    def offers_profile(config: Any) -> None:
        config.add_oauth_setting("oauth.steeping", seconds, 180, "How long.")
        config.add_oauth_profile(
            "strict",
            {"oauth.steeping": 240},
            rules=[lambda r: None if r.provider.settings["oauth.steeping"] > 200 else "Too thin."],
        )

    provider = configure(offers_tea, offers_profile, oauth__profile="strict")
    assert provider.settings["oauth.steeping"] == 240
    assert provider.settings.origins["oauth.steeping"] == "profile strict"
    with pytest.raises(ConfigurationProblem, match="Too thin"):
        configure(offers_tea, offers_profile, oauth__profile="strict", oauth__steeping="1m")


def test_a_missing_issuer_stops_the_start() -> None:
    with pytest.raises(ConfigurationProblem, match=r"oidc\.issuer"):
        configure(offers_tea, oidc__issuer="https://login.example/?x=1")
