"""The claims of another provider's token: absent ones, and ones without a meaning."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.resource.claims import NEVER, read_access_token


def test_a_token_of_which_no_end_is_said_has_not_expired() -> None:
    for said in ({"active": True}, {"active": True, "exp": None}):
        assert read_access_token(said).expires_at == NEVER


def test_times_may_have_a_fraction_and_audiences_be_one_or_several() -> None:
    token = read_access_token({"exp": 1700000000.9, "iat": 1.5, "aud": "a"})
    assert (token.expires_at, token.issued_at, token.audience) == (1700000000, 1, ("a",))
    assert read_access_token({"aud": ["a", "b"]}).audience == ("a", "b")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exp", "1700000000"),
        ("exp", True),
        ("exp", [1700000000]),
        ("exp", float("inf")),
        ("exp", float("nan")),
        ("iat", {}),
        ("auth_time", "x"),
        ("aud", 5),
        ("aud", [5]),
        ("aud", {"a": 1}),
        ("scope", ["profile"]),
        ("sub", 5),
        ("cnf", "x"),
        ("act", "x"),
        ("act", [{"sub": "x"}]),
    ],
)
def test_a_member_of_another_type_is_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name} is "):
        read_access_token({name: value})


MEMBERS = (
    "exp", "iat", "auth_time", "aud", "scope", "sub", "jti", "client_id", "cnf", "acr", "act"
)  # fmt: skip
SIMPLE = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "1", "a"])
JSON = SIMPLE | st.lists(SIMPLE, max_size=2) | st.just({"jkt": "a"})


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON))
def test_whatever_is_said_is_read_or_rejected(said: dict[str, Any]) -> None:
    try:
        token = read_access_token(said)
    except ValueError:
        return
    assert isinstance(token.expires_at, int)
    assert all(isinstance(audience, str) for audience in token.audience)
