"""Code offers, the ini chooses, the start answers."""

from typing import Any

import pytest
from pyramid.config import Configurator

from oidcserver.interfaces import Step
from oidcserver.models import Client
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


class Ceremony(Tea):
    @classmethod
    def check_authorization_endpoint(cls, request: Any) -> bool:
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


def test_two_grants_that_claim_one_grant_type_are_rejected() -> None:
    def offers_chai(config: Any) -> None:
        config.add_oauth_grant("chai", Tea)

    with pytest.raises(ConfigurationProblem, match="'tea' and 'chai', which both claim"):
        configure(offers_tea, offers_chai, oauth__grants="tea chai")


def test_two_grants_that_claim_one_response_type_are_rejected_whatever_its_order_of_words() -> None:
    def offers(config: Any) -> None:
        config.add_oauth_grant("one", Ceremony, grant_type="1", response_types=["code token"])
        config.add_oauth_grant("two", Ceremony, grant_type="2", response_types=["token code"])

    with pytest.raises(ConfigurationProblem, match="'code token'"):
        configure(offers, oauth__grants="one two")


class Water:
    """No grant."""


class Nameless(Tea):
    GRANT_TYPE = ""


@pytest.mark.parametrize(
    ("grant", "options", "problem"),
    [
        (Water, {}, "is no class of Authlib's TokenEndpointMixin or AuthorizationEndpointMixin"),
        (Nameless, {}, "has no GRANT_TYPE"),
        (Ceremony, {}, "the directive names no response_types"),
        (Tea, {"response_types": ["code"]}, "is no class of Authlib's AuthorizationEndpointMixin"),
    ],
)
def test_a_grant_that_no_request_reaches_stops_the_start(
    grant: type, options: dict[str, Any], problem: str
) -> None:
    def offers(config: Any) -> None:
        config.add_oauth_grant("tea", grant, **options)

    with pytest.raises(ConfigurationProblem, match=problem) as stopped:
        configure(offers)
    assert f"{__file__}:" in str(stopped.value)


def test_a_response_type_that_no_grant_offers_is_rejected() -> None:
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
    assert provider.route_names == {"oidc.kettle_endpoint"}


def tea_flow(config: Any) -> None:
    """Declare a flow of three steps, of which one is for kettles only."""
    offers_tea(config)
    steps = (
        Step(str, name="water"),
        Step(str, name="leaves"),
        Step(str, name="whistle", when=lambda provider: "kettle" in provider.endpoints),
    )
    config.add_oauth_flow("tea", steps)


def test_a_step_is_inserted_after_or_before_another() -> None:
    def offers(config: Any) -> None:
        config.add_oauth_step("tea", "milk", str, after="leaves")
        config.add_oauth_step("tea", "cup", str, before="water")

    steps = configure(tea_flow, offers).flows["tea"]
    assert [step.name for step in steps] == ["cup", "water", "leaves", "milk"]


def test_a_step_of_a_misspelt_flow_stops_the_start() -> None:
    def offers(config: Any) -> None:
        config.add_oauth_step("tee", "cup", str, after="water")

    with pytest.raises(ConfigurationProblem) as problem:
        configure(tea_flow, offers)
    assert f"The step 'cup' ({__file__}:" in str(problem.value)
    assert "Did you mean 'tea'?" in str(problem.value)


@pytest.mark.parametrize("side", ["after", "before"])
def test_a_misspelt_neighbour_stops_the_start(side: str) -> None:
    def offers(config: Any) -> None:
        config.add_oauth_step("tea", "milk", str, **{side: "leafs"})

    sentence = rf"'milk' \(.*\) has to come {side} 'leafs', .* Did you mean 'leaves'\?"
    with pytest.raises(ConfigurationProblem, match=sentence):
        configure(tea_flow, offers)


def test_a_step_names_one_neighbour() -> None:
    def offers(config: Any) -> None:
        config.add_oauth_step("tea", "milk", str)

    with pytest.raises(ConfigurationProblem, match=r"'milk' of .* has to name one step"):
        configure(tea_flow, offers)


def test_a_step_with_the_name_of_another_stops_the_start() -> None:
    def offers(config: Any) -> None:
        config.add_oauth_step("tea", "leaves", str, after="water")

    with pytest.raises(ConfigurationProblem, match=r"'leaves' .* has the name of a step"):
        configure(tea_flow, offers)


@pytest.mark.parametrize(
    ("directive", "arguments", "sentence"),
    [
        ("add_client_authentication_method", ("tls", object()),
         "client authentication method 'tls' of .* has no presented and no authenticate"),
        ("add_user_directory", ("ldap", object()), "has no authenticate, so"),
        ("add_user_directory", ("ldap", Nobody),
         "has a method 'authenticate' that does not take 3 arguments"),
        ("add_access_token_format", ("paseto", object()), "has no encode and no decode"),
        ("add_oauth_endpoint", ("kettle", "/kettle", None), "cannot be called"),
        ("add_response_mode", ("pigeon", None), "cannot be called"),
        ("add_claims_source", ("payroll", object(), {}), "cannot be called"),
        ("add_subject_type", ("alias", None), "cannot be called"),
        ("add_client_metadata_member", ("tea", None), "cannot be called"),
        ("add_oauth_step", ("authorization", "cup", None), "cannot be called"),
        ("add_oauth_flow", ("tea", ()), "'tea' of .* has to consist of steps"),
        ("add_oauth_flow", ("tea", (str,)), "has to consist of steps"),
        ("add_oauth_flow", ("tea", (Step(str), Step(str))), "with different names"),
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


@pytest.mark.parametrize("name", ["problem", "protect"])
def test_a_response_mode_needs_functions_that_can_be_called(name: str) -> None:
    def offers(config: Any) -> None:
        config.add_response_mode("pigeon", str, **{name: "text"})

    with pytest.raises(ConfigurationProblem, match=r"'pigeon' of .* cannot be called"):
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


def test_a_profile_brings_defaults_that_the_ini_overrides_and_rules_that_reject() -> None:
    def offers_profile(config: Any) -> None:
        config.add_oauth_setting("oauth.steeping", seconds, 180, "How long.")
        config.add_oauth_profile(
            "strict",
            {"oauth.steeping": 240},
            rules=[
                lambda r: None if r.oidc.provider.settings["oauth.steeping"] > 200 else "Too thin."
            ],
        )

    provider = configure(offers_tea, offers_profile, oauth__profile="strict")
    assert provider.settings["oauth.steeping"] == 240
    assert provider.settings.origins["oauth.steeping"] == "profile strict"
    with pytest.raises(ConfigurationProblem, match="Too thin"):
        configure(offers_tea, offers_profile, oauth__profile="strict", oauth__steeping="1m")


def test_a_profile_may_have_other_settings_for_single_clients() -> None:
    def offers_profile(config: Any) -> None:
        config.add_oauth_setting("oauth.steeping", seconds, 180, "How long.")
        config.add_oauth_profile(
            "strong",
            {},
            client=lambda provider, metadata: None,
            client_settings=lambda settings: {"oauth.steeping": 2 * settings["oauth.steeping"]},
        )

    provider = configure(offers_tea, offers_profile, oauth__steeping="4m")
    steeping = [
        provider.settings_for(Client(client_metadata=metadata))["oauth.steeping"]
        for metadata in ({}, {"profile": "strong"}, {"profile": "of another time"})
    ]
    assert steeping == [240, 480, 240]


def test_a_missing_issuer_stops_the_start() -> None:
    with pytest.raises(ConfigurationProblem, match=r"oidc\.issuer"):
        configure(offers_tea, oidc__issuer="https://login.example/?x=1")
