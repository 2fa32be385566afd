"""The shapes of authorization details, and the comparison of entries (RFC 9396)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.interfaces.authorization_details import (
    MAX_ITEMS,
    MAX_TEXT,
    AuthorizationDetailsType,
    check_shape,
    covers_by_default,
    shape_problem,
)


def even(value: Any) -> None:
    if not isinstance(value, int) or value % 2:
        raise ValueError("is not even")


SHAPE: dict[str, Any] = {
    "name": str,
    "count?": int,
    "share?": float,
    "urgent?": bool,
    "even?": even,
    "places?": [{"city": str}],
}


@pytest.mark.parametrize(
    "value",
    [
        {"name": "x"},
        {"name": "x" * MAX_TEXT, "count": -1, "share": 1, "urgent": False, "even": 2},
        {"name": "x", "share": 0.5, "places": [{"city": "Bern"}] * MAX_ITEMS},
    ],
)
def test_a_value_of_the_shape_passes(value: Any) -> None:
    check_shape(SHAPE, value, "entry")


@pytest.mark.parametrize("description", ["", []])
def test_an_entry_that_cannot_be_described_is_rejected(description: Any) -> None:
    """The consent page could not show it."""
    payment = AuthorizationDetailsType(
        "payment", {"amount": int}, lambda detail: description, None, covers_by_default
    )
    with pytest.raises(ValueError, match="payment has no description"):
        payment.check({"type": "payment", "amount": 1})


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({}, "entry has no name"),
        ([], "entry is not an object"),
        ({"name": 1}, "name is not text"),
        ({"name": ""}, "name has not 1 to"),
        ({"name": "x" * (MAX_TEXT + 1)}, "name has not 1 to"),
        ({"name": "100 \u202eEUR"}, "name has not 1 to"),
        ({"name": "a\nb"}, "name has not 1 to"),
        ({"name": "x", "secret word": 1}, "entry has an unknown member; there are count"),
        ({"name": "x", "count": True}, "count is not a whole number"),
        ({"name": "x", "count": 1.0}, "count is not a whole number"),
        ({"name": "x", "count": None}, "count is not a whole number"),
        ({"name": "x", "share": "1"}, "share is not a number"),
        ({"name": "x", "share": True}, "share is not a number"),
        ({"name": "x", "urgent": 1}, "urgent is not true or false"),
        ({"name": "x", "even": 3}, "even is not even"),
        ({"name": "x", "places": {}}, "places is not a list of 1 to"),
        ({"name": "x", "places": []}, "places is not a list of 1 to"),
        ({"name": "x", "places": [{"city": "x"}] * (MAX_ITEMS + 1)}, "places is not a list"),
        ({"name": "x", "places": [{"city": "x"}, {}]}, "an item of places has no city"),
        ({"name": "x", "places": [{"city": ["x"]}]}, "city is not text"),
    ],
)
def test_everything_else_is_rejected_without_a_quote(value: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}") as problem:
        check_shape(SHAPE, value, "entry")
    assert "secret word" not in str(problem.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "count", "places", "city", "x"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(JSON)
def test_any_json_passes_or_is_rejected(value: Any) -> None:
    try:
        check_shape(SHAPE, value, "entry")
    except ValueError:
        return
    assert set(value) <= {"name", "count", "share", "urgent", "even", "places"}


@pytest.mark.parametrize("shape", [bytes, list, [], [str, int], {"a": None}, [{"a": "x"}], 7])
def test_a_value_that_is_no_shape_is_named(shape: Any) -> None:
    assert shape_problem(shape)
    assert shape_problem(SHAPE) is None


GRANTED = {"type": "t", "actions": ["read", "write"], "identifier": "a", "locations": ["https://x"]}


@pytest.mark.parametrize(
    ("changes", "covered"),
    [
        ({}, True),
        ({"actions": ["read"]}, True),
        ({"actions": ["write", "read"]}, True),
        ({"actions": []}, False),
        ({"actions": None}, False),
        ({"actions": ["read", "delete"]}, False),
        ({"actions": "read"}, False),
        ({"identifier": "b"}, False),
        ({"identifier": None}, False),
        ({"more": 1}, False),
        ({"locations": ["https://y"]}, False),
    ],
)
def test_fewer_values_are_covered_and_nothing_else(changes: dict[str, Any], covered: bool) -> None:
    asked = {name: value for name, value in {**GRANTED, **changes}.items() if value is not None}
    assert covers_by_default(GRANTED, asked) is covered
