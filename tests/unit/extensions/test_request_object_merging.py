"""From the members of a request object to the parameters that count."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.extensions.request_object.merging import as_text, merge
from oidcserver.extensions.request_object.verification import RequestObject
from oidcserver.keys.strict_json import parse_object
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.requests import Payload

OUTSIDE = {"client_id": "c", "response_type": "code", "scope": "openid profile", "state": "outer"}


def merged(
    claims: dict[str, Any], *, inside_only: bool = False, **outside: str
) -> dict[str, list[str]]:
    """Merge into a request with these parameters outside; return what counts."""
    outer = Payload(list({**OUTSIDE, **outside}.items()))
    payload = merge(outer, RequestObject(claims, True, "jwt"), inside_only=inside_only)
    return dict(payload.datalist)


def rejected(claims: dict[str, Any], *, inside_only: bool = False, **outside: str) -> str:
    with pytest.raises(Rejection) as rejection:
        merged(claims, inside_only=inside_only, **outside)
    error: str = rejection.value.error
    return error


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"), ("", ""), (None, ""), (3600, "3600"), (0, "0"), (-1, "-1"),
        (3600.0, "3600"), (1e3, "1000"), (-0.0, "0"), (1.5, "1.5"), (True, "true"),
        (False, "false"), ([], "[]"), (["a", 1], '["a",1]'), ({}, "{}"),
        ({"userinfo": {"name": {"essential": True}, "\u00e9": None}},
         '{"userinfo":{"name":{"essential":true},"\u00e9":null}}'),
    ],
)  # fmt: skip
def test_each_json_value_stands_for_a_text(value: Any, text: str) -> None:
    assert as_text(value) == text


def test_what_is_inside_supersedes_and_what_is_only_outside_stays() -> None:
    assert merged({"state": "inner", "nonce": "n"}, ui_locales="de") == {
        "client_id": ["c"], "response_type": ["code"], "scope": ["openid profile"],
        "ui_locales": ["de"], "state": ["inner"], "nonce": ["n"],
    }  # fmt: skip


def test_where_only_the_inside_counts_nothing_outside_does() -> None:
    assert merged({"client_id": "c", "nonce": "n"}, inside_only=True) == {
        "client_id": ["c"],
        "nonce": ["n"],
    }


def test_what_is_left_empty_inside_is_not_there() -> None:
    for value in ("", None):
        assert merged({"state": value})["state"] == ["outer"]
        assert "state" not in merged({"client_id": "c", "state": value}, inside_only=True)


def test_neither_the_object_itself_nor_what_is_said_about_it_is_a_parameter() -> None:
    about = {"iss": "c", "sub": "c", "aud": "a", "exp": 1, "nbf": 1, "iat": 1, "jti": "j"}
    assert merged(about, request="e30.e30.x").keys() == OUTSIDE.keys()
    assert merged(about, request_uri="https://client.example/r").keys() == OUTSIDE.keys()


def test_resources_may_be_several_and_replace_those_outside() -> None:
    inside = {"resource": ["https://a.example", "https://b.example"]}
    assert merged(inside, resource="https://c.example")["resource"] == inside["resource"]
    assert merged({"resource": "https://a.example"})["resource"] == ["https://a.example"]
    assert merged({"scope": ["openid"]})["scope"] == ['["openid"]'], "a scope is no list"


def test_the_order_of_words_in_a_response_type_is_free() -> None:
    assert merged({"response_type": "id_token code"}, response_type="code id_token")
    assert rejected({"response_type": "id_token"}) == "invalid_request_object"


@pytest.mark.parametrize("value", ["another", "", 0, 7, True, ["c"], {"c": "c"}])
def test_the_client_id_inside_is_the_same_text(value: Any) -> None:
    assert rejected({"client_id": value}) == "invalid_request_object"
    assert rejected({"client_id": value}, inside_only=True) == "invalid_request_object"


def test_a_client_id_is_required_inside_where_only_the_inside_counts() -> None:
    assert rejected({}, inside_only=True) == "invalid_request_object"
    assert merged({"client_id": None})["client_id"] == ["c"]


def test_response_type_and_openid_are_required_outside() -> None:
    assert rejected({"response_type": "code"}, response_type="") == "invalid_request"
    assert rejected({"scope": "email openid"}, scope="email") == "invalid_request"
    assert merged({"scope": "email"}, scope="email")["scope"] == ["email"]


def test_the_limits_of_plain_parameters_hold_inside_too() -> None:
    assert merged({"state": "x" * 4096})["state"] == ["x" * 4096]
    for claims in (
        {"state": "x" * 4097}, {"state": "\u00e9" * 2049}, {"x" * 4097: "y"},
        {"claims": {"userinfo": {"name": "x" * 4096}}},
        {f"p{number}": "" for number in range(101)}, {"resource": [""] * 101},
    ):  # fmt: skip
        assert rejected(claims) == "invalid_request_object"


NAMES = st.sampled_from(
    ["client_id", "response_type", "scope", "state", "resource", "claims", "exp"]
)
NAMES_AND_OTHERS = NAMES | st.text(max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(
    members=st.dictionaries(NAMES_AND_OTHERS, JSON | st.sampled_from(["c", "code", "openid"])),
    inside_only=st.booleans(),
)
def test_whatever_json_is_inside_gives_parameters_or_a_rejection(
    members: dict[str, Any], inside_only: bool
) -> None:
    try:
        claims = parse_object(json.dumps(members).encode())
    except ValueError:
        return  # no object that is read at all
    errors: set[str] = set()
    if inside_only:
        claims["client_id"] = "c"
    try:
        parameters = merged(claims, inside_only=inside_only)
    except Rejection as rejection:
        errors.add(rejection.error)
        return
    finally:
        assert errors <= {"invalid_request_object", "invalid_request"}
    assert parameters["client_id"] == ["c"]
    allowed = claims.keys() if inside_only else claims.keys() | OUTSIDE.keys()
    assert parameters.keys() <= allowed
    for name, texts in parameters.items():
        assert texts
        assert all(isinstance(text, str) and 0 < len(text.encode()) <= 4096 for text in texts)
        value = claims.get(name)
        if isinstance(value, str) and value:
            assert texts == [value], "what is inside comes first"
        elif isinstance(value, dict):
            assert json.loads(texts[0]) == value
