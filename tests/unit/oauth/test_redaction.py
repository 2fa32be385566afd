"""The stored part of a request never holds a credential, whichever parameter had it."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oidcserver import credentials
from oidcserver.oauth.redaction import MAX_TEXT, NOT_KEPT, redact, redact_text

JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "name",
    ["client_secret", "password", "code", "code_verifier", "refresh_token", "id_token_hint",
     "client_assertion", "Authorization", "Set-Cookie", "PASSWORD"],
)  # fmt: skip
def test_what_is_named_like_a_credential_is_not_kept(name: str) -> None:
    assert redact({name: "hunter2"}) == {name: NOT_KEPT}
    assert redact({name: ["hunter2", {"a": "hunter2"}]}) == {name: NOT_KEPT}


@pytest.mark.parametrize(
    "name",
    ["redirect_uri", "scope", "grant_type", "token_type", "token_endpoint_auth_method",
     "code_challenge_method", "authorization_id", "token_endpoint", "client_id"],
)  # fmt: skip
def test_what_tells_why_is_kept(name: str) -> None:
    assert redact({name: "something"}) == {name: "something"}


@pytest.mark.parametrize(
    "prefix",
    [credentials.AUTHORIZATION_CODE, credentials.REFRESH_TOKEN, credentials.CLIENT_SECRET,
     credentials.LOGIN_SESSION, credentials.BROWSER, credentials.REQUEST_URI, "at_"],
)  # fmt: skip
def test_a_credential_of_ours_is_found_wherever_it_was_put(prefix: str) -> None:
    credential = credentials.new_credential(prefix)
    kept = redact({"client_id": credential, "redirect_uri": f"https://a.example/?x={credential}&y"})
    assert kept == {"client_id": NOT_KEPT, "redirect_uri": f"https://a.example/?x={NOT_KEPT}&y"}


def test_a_jwt_is_found_too() -> None:
    assert redact_text(f"Bearer {JWT}") == f"Bearer {NOT_KEPT}"


def test_a_credential_is_not_cut_into_an_unrecognised_half() -> None:
    text = "x" * (MAX_TEXT - 25) + " " + credentials.new_credential("rt_")
    assert "rt_" not in redact_text(text)


def test_other_types_are_named_and_not_shown() -> None:
    class Key:
        def __repr__(self) -> str:
            return "the private key"

    assert redact({"a": b"bytes", "b": Key(), "c": 1.5, "d": 2**80}) == {
        "a": "(bytes)", "b": "(Key)", "c": "(float)", "d": "(int)",
    }  # fmt: skip


def test_what_is_kept_is_short_and_flat() -> None:
    deep: dict[str, Any] = {}
    for _ in range(50):
        deep = {"a": deep}
    kept = redact({"deep": deep, "long": "x" * 10**6, "many": list(range(1000))})
    assert len(json.dumps(kept)) < 1000
    assert len(redact({str(number): number for number in range(1000)})) == 20


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.text(st.characters()), json_like))
@example({"\\u0000": None})
@example({"\0": "\0"})
def test_any_input_becomes_json_that_every_database_takes(values: dict[str, Any]) -> None:
    text = json.dumps(redact(values), ensure_ascii=False, allow_nan=False)
    # Two backslashes stand for one that is no escape.
    assert "\\u0000" not in text.replace("\\\\", "")
    text.encode()
