"""User names: which are equal, and which a new user may have (RFC 8265)."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.models.user import normalise_username, username_problem

LONG_ADDRESS = f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 58}.ex"


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Alice", "alice"),
        (" ALICE\t", "alice"),
        ("\uff21\uff2c\uff29\uff23\uff25", "alice"),  # full width
        ("Zoe\u0308", "zo\u00eb"),
        ("Stra\u00dfe", "stra\u00dfe"),  # not strasse, another name
        ("\u03a3\u0391\u03a3", "\u03c3\u03b1\u03c2"),
        ("Alice  Liddell", "alice liddell"),
        ("Alice@Example.org", "alice@example.org"),
        ("\U0001f600 \uff21", "\U0001f600 a"),  # what exists goes on to work
        ("", ""),
    ],
)
def test_spellings_of_one_name_are_equal(spelling: str, name: str) -> None:
    assert normalise_username(spelling) == name


@given(st.text())
def test_any_text_has_a_form_that_stays(text: str) -> None:
    once = normalise_username(text)
    assert normalise_username(once) == once
    assert unicodedata.is_normalized("NFC", once)


@pytest.mark.parametrize(
    "name", ["alice", "Alice Liddell", "zo\u00eb", "\u0645\u0631\u062d\u0628\u0627", LONG_ADDRESS]
)
def test_names_that_users_may_have(name: str) -> None:
    assert username_problem(name) is None


def test_an_address_of_that_length_is_the_longest_name() -> None:
    assert len(LONG_ADDRESS) == 254


@pytest.mark.parametrize(
    "name",
    [
        "", "  ", LONG_ADDRESS + "x", "two\u200dparts", "O\u2019Brien", "\U0001f600", "\ufb01sh",
        "tab\x00", "\u212b" * 300,
    ],
)  # fmt: skip
def test_names_that_new_users_may_not_have(name: str) -> None:
    problem = username_problem(name)
    assert problem is not None
    assert problem.endswith(".")
