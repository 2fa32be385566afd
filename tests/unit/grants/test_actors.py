"""The claims ``act`` and ``may_act`` (RFC 8693 sections 4.1 and 4.4), whatever they hold."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.grants.token_exchange.actors import MAX_DEPTH, actor, depth_of, may_act

ISSUER = "https://login.example"


@pytest.mark.parametrize(
    "act",
    ["alice", ["alice"], 7, {}, {"sub": 7}, {"sub": None}, {"sub": "a", "iss": 7},
     {"sub": "a", "act": "b"}, {"sub": "a", "act": {"sub": ["b"]}}, {"act": {"sub": "a"}}],
)  # fmt: skip
def test_a_malformed_actor_is_rejected(act: Any) -> None:
    with pytest.raises(ValueError, match="claim act"):
        depth_of(act)
    with pytest.raises(ValueError, match="claim act"):
        actor(ISSUER, "new", act)


def chain(length: int) -> Any:
    act = None
    for number in range(length):
        act = actor(ISSUER, str(number), act)
    return act


def test_a_chain_has_four_actors_at_most() -> None:
    assert [depth_of(chain(length)) for length in range(MAX_DEPTH + 1)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="longer than 4"):
        chain(MAX_DEPTH + 1)
    with pytest.raises(ValueError, match="longer than 4"):
        depth_of({"sub": "x", "act": chain(MAX_DEPTH)})


def test_the_newest_actor_is_the_outermost() -> None:
    assert chain(2) == {"iss": ISSUER, "sub": "1", "act": {"iss": ISSUER, "sub": "0"}}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["sub", "iss", "act", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(values)
def test_any_value_is_a_chain_or_rejected_with_a_sentence(value: Any) -> None:
    for check in (depth_of, lambda claim: may_act(claim, ISSUER, "client")):
        try:
            check(value)
        except ValueError as problem:
            assert str(problem).endswith(".")  # noqa: PT017
