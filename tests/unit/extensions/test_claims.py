"""The claims parameter (OpenID Connect Core section 5.5), well-formed or not."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oidcserver.extensions.claims import MAX_CLAIMS, parse_claims_request

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
NAMES = st.sampled_from(["name", "email", "sub", "acr", "auth_time", "name#de", ""])
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=10)
UNHURRIED = settings(suppress_health_check=list(HealthCheck))
WISHES = st.none() | st.fixed_dictionaries(
    {}, optional={"essential": st.booleans(), "value": TEXTS, "values": st.lists(TEXTS, max_size=3)}
)
MEMBERS = st.dictionaries(NAMES, WISHES, max_size=5)


def test_the_example_of_the_specification() -> None:
    example = {
        "userinfo": {
            "given_name": {"essential": True},
            "nickname": None,
            "picture": None,
            "http://example.info/claims/groups": None,
        },
        "id_token": {
            "auth_time": {"essential": True},
            "acr": {"values": ["urn:mace:incommon:iap:silver"]},
        },
    }
    assert parse_claims_request(json.dumps(example)) == example


def test_what_has_no_meaning_is_ignored() -> None:
    text = '{"userinfo": {"name": {"purpose": "greeting"}}, "verified_claims": {}, "x": 7}'
    assert parse_claims_request(text) == {"userinfo": {"name": {}}, "id_token": {}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not JSON"),
        ("name", "not JSON"),
        ('["userinfo"]', "not an object"),
        ('{"userinfo": null}', "userinfo is not an object"),
        ('{"id_token": ["name"]}', "id_token is not an object"),
        ('{"userinfo": {"name": true}}', "neither null nor an object"),
        ('{"userinfo": {"name": ["essential"]}}', "neither null nor an object"),
        ('{"userinfo": {"name": {"essential": "true"}}}', "essential"),
        ('{"userinfo": {"name": {"essential": null}}}', "essential"),
        ('{"userinfo": {"name": {"values": "alice"}}}', "values is not a list"),
        ('{"id_token": {"sub": {"value": 7}}}', "value of sub"),
        ('{"id_token": {"acr": {"values": ["1", 2]}}}', "value of acr"),
        ('{"userinfo": {"name": null, "name": null}}', "twice"),
        ('{"userinfo": {"name": {"value": 1e999}}}', "not finite"),
        ('{"userinfo": {"name": {"value": "\\u0000"}}}', "NUL"),
        ('{"userinfo": {"name": {"value": ' + "[" * 40 + "]" * 40 + "}}}", "nested too deeply"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_is_malformed_is_named(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_claims_request(text)


def test_a_crowd_of_claims_is_rejected() -> None:
    crowd: dict[str, Any] = {f"claim {number}": None for number in range(MAX_CLAIMS)}
    assert len(parse_claims_request(json.dumps({"userinfo": crowd}))["userinfo"]) == MAX_CLAIMS
    crowd |= {f"claim {number}": None for number in range(10_000)}
    with pytest.raises(ValueError, match="more than 100 claims"):
        parse_claims_request(json.dumps({"id_token": crowd}))


@UNHURRIED
@given(MEMBERS, MEMBERS)
def test_what_is_well_formed_comes_back_as_it_was(userinfo: Any, id_token: Any) -> None:
    document = {"userinfo": userinfo, "id_token": id_token}
    assert parse_claims_request(json.dumps(document)) == document


@UNHURRIED
@given(
    st.text(max_size=200)
    | JSON.map(json.dumps)
    | st.fixed_dictionaries({"userinfo": JSON, "id_token": JSON}).map(json.dumps)
    | st.dictionaries(NAMES, JSON, max_size=4).map(lambda claims: json.dumps({"userinfo": claims}))
)
def test_anything_else_is_read_in_that_shape_or_rejected(text: str) -> None:
    try:
        read = parse_claims_request(text)
    except ValueError:
        return
    assert read.keys() == {"userinfo", "id_token"}
    for name, wish in [*read["userinfo"].items(), *read["id_token"].items()]:
        assert isinstance(name, str)
        assert wish is None or wish.keys() <= {"essential", "value", "values"}
        assert isinstance((wish or {}).get("essential", False), bool)
        assert isinstance((wish or {}).get("values", []), list)
