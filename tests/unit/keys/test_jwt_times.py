"""The times of JWTs of other parties: one rule for all of them."""

from typing import Any

import pytest

from oidcserver.keys.jwt_times import problem_of_times

NOW = 1_700_000_000


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"exp": NOW - 9, "nbf": NOW + 10, "iat": NOW + 10},
        {"exp": NOW + 0.5, "iat": NOW - 10**9},
    ],
)
def test_a_jwt_is_valid_within_its_times_and_the_skew(claims: dict[str, Any]) -> None:
    assert problem_of_times(claims, now=NOW, skew=10) is None


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"exp": NOW - 10}, "exp is 10 s past"),
        ({"nbf": NOW + 11}, "nbf is 11 s ahead"),
        ({"iat": NOW + 11}, "iat is 11 s ahead"),
        *(
            ({name: value}, f"{name} is not a number of seconds")
            for name in ("exp", "nbf", "iat")
            for value in (None, True, "1", [1], 2**53, float("inf"), float("nan"))
        ),
    ],
)
def test_otherwise_the_claim_is_named(claims: dict[str, Any], problem: str) -> None:
    assert problem_of_times(claims, now=NOW, skew=10) == problem


def test_a_claim_may_have_to_be_there() -> None:
    assert problem_of_times({"exp": NOW}, now=NOW, skew=10, required=("exp",)) is None
    missing = problem_of_times({"exp": NOW}, now=NOW, skew=10, required=("exp", "iat"))
    assert missing == "iat is missing"
