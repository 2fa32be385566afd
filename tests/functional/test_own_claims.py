"""Claims of the operator's own: their types, and the tokens and answers that have them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pyramid.i18n import TranslationString
from support.app import Provider, RelyingParty, decode_id_token
from support.processes import write_ini

from oidcserver.cli import main
from oidcserver.cli.configuration import explanation
from oidcserver.models.user import find_user
from oidcserver.oidc.scopes import describe_claim
from oidcserver.settings import ConfigurationProblem

CLAIMS = """badge: number id_token access_token | See the number of your badge
department: string
trusted: boolean userinfo
places: list id_token userinfo
desk: object access_token"""
SCOPES = "work: badge department trusted places desk | See where you work"
VALUES = {
    "badge": 7,
    "department": "Analysis",
    "trusted": False,
    "places": ["London"],
    "desk": {"floor": 2},
}
SCOPE = "openid work offline_access"


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(oidc__claims=CLAIMS, oidc__scope_claims=SCOPES)
    give(made, VALUES)
    return made


def give(provider: Provider, claims: dict[str, Any]) -> None:
    """Let there be alice with these claims, however they came about."""
    provider.browser().sign_in()
    with provider.database() as dbsession:
        user = find_user(dbsession, "alice")
        assert user is not None
        user.claims = claims


def about_user(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if name in VALUES}


def tokens_of(provider: Provider, **metadata: Any) -> tuple[RelyingParty, dict[str, Any]]:
    client = provider.register(scope=SCOPE, **metadata)
    return client, client.exchange(client.login(provider.browser(), scope=SCOPE)["code"])


def test_each_claim_is_where_the_ini_says(provider: Provider) -> None:
    client, tokens = tokens_of(provider)
    userinfo = client.userinfo(tokens["access_token"]).json
    assert about_user(userinfo) == {
        "department": "Analysis", "trusted": False, "places": ["London"],
    }  # fmt: skip
    id_token = {"badge": 7, "places": ["London"]}
    assert about_user(decode_id_token(provider, tokens["id_token"])) == id_token
    introspected = client.introspect(tokens["access_token"])
    assert about_user(introspected) == {"badge": 7, "desk": {"floor": 2}}
    # And again after a refresh, with what is stored then.
    give(provider, {**VALUES, "badge": 8, "places": []})
    again = client.refresh(tokens["refresh_token"])
    assert about_user(decode_id_token(provider, again["id_token"])) == {"badge": 8}
    introspected = client.introspect(again["access_token"])
    assert about_user(introspected) == {"badge": 8, "desk": {"floor": 2}}


def test_the_mode_of_id_tokens_adds_those_without_a_place(provider: Provider) -> None:
    _, tokens = tokens_of(provider, id_token_claims="scopes")
    claims = about_user(decode_id_token(provider, tokens["id_token"]))
    assert claims == {"badge": 7, "places": ["London"], "department": "Analysis"}


def test_a_jwt_access_token_has_them(make_provider: Any) -> None:
    provider = make_provider(
        oidc__claims=CLAIMS, oidc__scope_claims=SCOPES, oauth__access_token_format="jwt"
    )
    give(provider, VALUES)
    client, tokens = tokens_of(provider)
    jwt = decode_id_token(provider, tokens["access_token"])
    assert about_user(jwt) == {"badge": 7, "desk": {"floor": 2}}
    assert about_user(client.introspect(tokens["access_token"])) == {
        "badge": 7, "desk": {"floor": 2},
    }  # fmt: skip
    other, narrow = provider.register(), provider.browser()
    jwt = decode_id_token(provider, other.exchange(other.login(narrow)["code"])["access_token"])
    assert about_user(jwt) == {}


def test_no_token_of_another_scope_has_them(provider: Provider) -> None:
    client, tokens = tokens_of(provider)
    narrowed = client.refresh(tokens["refresh_token"], scope="openid")
    assert about_user(client.introspect(narrowed["access_token"])) == {}
    assert about_user(decode_id_token(provider, narrowed["id_token"])) == {}


def test_a_token_of_the_implicit_flow_has_them(provider: Provider) -> None:
    client = provider.register(
        scope=SCOPE, grant_types=["implicit"], response_types=["id_token token"]
    )
    answer = client.login(provider.browser(), scope="openid work", response_type="id_token token")
    confidential = provider.register(resource_server=True)
    assert about_user(confidential.introspect(answer["access_token"])) == {
        "badge": 7, "desk": {"floor": 2},
    }  # fmt: skip
    assert about_user(decode_id_token(provider, answer["id_token"])) == {}


def test_a_request_for_a_claim_gets_it_where_it_may_be(provider: Provider) -> None:
    client = provider.register(scope=SCOPE)
    names = dict.fromkeys(VALUES)
    claims = json.dumps({"userinfo": names, "id_token": names})
    answer = client.login(provider.browser(), scope="openid", claims=claims)
    tokens = client.exchange(answer["code"])
    assert about_user(decode_id_token(provider, tokens["id_token"])) == {
        "badge": 7, "department": "Analysis", "places": ["London"],
    }  # fmt: skip
    assert about_user(client.userinfo(tokens["access_token"]).json) == {
        "department": "Analysis", "trusted": False, "places": ["London"],
    }  # fmt: skip
    assert about_user(client.introspect(tokens["access_token"])) == {}


def test_the_consent_page_says_what_a_claim_is(provider: Provider) -> None:
    client, browser = provider.register(scope=SCOPE), provider.browser()
    browser.sign_in()
    assert "See where you work" in client.authorize(browser, scope=SCOPE)
    claims = json.dumps({"userinfo": {"badge": None}})
    page = client.authorize(browser, scope="openid", claims=claims)
    assert "See the number of your badge" in page
    # A catalogue of the operator may translate it.
    sentence = describe_claim(provider.registry.oidc.provider, "badge")
    assert isinstance(sentence, TranslationString)


def test_a_value_of_another_type_is_left_out(provider: Provider) -> None:
    client = provider.register(scope=SCOPE)
    for wrong in (
        {"badge": "7", "department": 7},
        {"badge": True, "trusted": "false"},
        {"trusted": 1, "places": "London"},
        {"desk": ["floor"]},
    ):
        give(provider, {**VALUES, **wrong})
        tokens = client.exchange(client.login(provider.browser(), scope=SCOPE)["code"])
        seen = {
            **about_user(client.userinfo(tokens["access_token"]).json),
            **about_user(decode_id_token(provider, tokens["id_token"])),
            **about_user(client.introspect(tokens["access_token"])),
        }
        assert seen == {name: value for name, value in VALUES.items() if name not in wrong}


def test_it_is_explained(provider: Provider) -> None:
    shown = explanation(provider.registry)["settings"]["oidc.claims"]["value"]
    assert shown.startswith("badge = number access_token id_token, department = string, ")


def test_groups_may_be_in_access_tokens(make_provider: Any) -> None:
    provider = make_provider(
        oidc__claims="groups: list access_token", oidc__scope_claims="work: groups"
    )
    give(provider, {"groups": ["staff"]})
    client, tokens = tokens_of(provider)
    assert client.introspect(tokens["access_token"])["groups"] == ["staff"]
    assert "groups" not in client.userinfo(tokens["access_token"]).json


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ("badge", "it takes lines such as"),
        ("badge: integer", "it takes lines such as"),
        ("badge: number token", "it takes lines such as"),
        ("two words: number", "it takes lines such as"),
        ("badge: number\nbadge: string", "each with another name"),
        ("email: string", "email, which has its type from OpenID Connect Core"),
        ("groups: string", "groups, which is a list"),
        ("client_id: string access_token", "client_id, which access tokens have already"),
        ("badge: number", "badge, which no scope of oidc.scope_claims returns"),
    ],
)
def test_a_mistake_stops_the_start(make_provider: Any, claims: str, sentence: str) -> None:
    with pytest.raises(ConfigurationProblem) as problem:
        make_provider(oidc__claims=claims, oidc__scope_claims="client: client_id email groups")
    assert sentence in str(problem.value)


Run = Callable[[str], Result]


@pytest.fixture
def set_claims(tmp_path: Path, provider_url: str, keys_directory: Path) -> Run:
    ini = write_ini(
        tmp_path / "test.ini", 6543,
        oidcserver__database_url=provider_url,
        oidcserver__keys_directory=str(keys_directory),
        oidc__claims=CLAIMS.replace("\n", "\n  "),
        oidc__scope_claims=SCOPES,
    )  # fmt: skip
    words = ["users", "create", str(ini), "alice", "--password-stdin"]
    assert CliRunner().invoke(main, words, input="correct horse battery\n").exit_code == 0

    def run(claims: str) -> Result:
        words = ["users", "set-claims", str(ini), "alice", "-"]
        return CliRunner().invoke(main, words, input=claims)

    return run


def test_the_command_checks_the_types(set_claims: Run) -> None:
    for claims, sentence in (
        ({"badge": "7"}, "The claim badge has to be a number."),
        ({"badge": True}, "The claim badge has to be a number."),
        ({"department": 7}, "The claim department has to be text."),
        ({"department#de": 7}, "The claim department#de has to be text."),
        ({"trusted": "yes"}, "The claim trusted has to be true or false."),
        ({"places": "London"}, "The claim places has to be a list."),
        ({"desk": []}, "The claim desk has to be an object."),
        ({"salary": 1}, "No scope here returns the claim salary"),
    ):
        result = set_claims(json.dumps(claims))
        assert result.exit_code == 1
        assert sentence in result.stderr
    assert set_claims(json.dumps({**VALUES, "badge": 7.5})).exit_code == 0
