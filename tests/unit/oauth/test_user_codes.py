"""User codes (RFC 8628 section 6.1): made, shown, and recognised however they are entered."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.oauth.user_codes import (
    CHARACTERS,
    LENGTH,
    new_user_code,
    normalise_user_code,
    shown_user_code,
    user_code_alphabet,
    weakness,
)

SETTINGS: Any = {CHARACTERS: "BCDFGHJKLMNPQRSTVWXZ", LENGTH: 8}


def test_a_code_has_the_characters_and_the_length_of_the_settings() -> None:
    codes = {new_user_code(SETTINGS) for _ in range(100)}
    assert len(codes) == 100
    assert all(len(code) == 8 and set(code) <= set(SETTINGS[CHARACTERS]) for code in codes)


@pytest.mark.parametrize(
    ("code", "shown"),
    [("WDJBMJHT", "WDJB-MJHT"), ("019450730", "019-450-730"), ("ABCDEFGHJK", "ABCD-EFGH-JK"),
     ("ABCDEFGHJKLM", "ABCD-EFGH-JKLM"), ("ABC", "ABC"), ("ABCD", "ABCD")],
)  # fmt: skip
def test_a_code_is_shown_in_groups(code: str, shown: str) -> None:
    assert shown_user_code(code) == shown


codes = st.text(st.sampled_from(SETTINGS[CHARACTERS]), min_size=8, max_size=8)


@given(codes, st.lists(st.sampled_from(" -_.\u2013\u00a0\taeiou01"), max_size=20), st.randoms())
def test_what_lies_between_the_characters_and_their_case_do_not_matter(
    code: str, between: list[str], random: Any
) -> None:
    spelt = [random.choice([c, c.lower(), chr(ord(c) + 0xFEE0)]) for c in code]
    for character in between:
        spelt.insert(random.randrange(len(spelt) + 1), character)
    assert normalise_user_code(SETTINGS, "".join(spelt)) == code


@given(st.text())
def test_any_text_becomes_one_of_the_characters_of_codes(text: str) -> None:
    assert set(normalise_user_code(SETTINGS, text)) <= set(SETTINGS[CHARACTERS])


def test_the_digits_of_a_code_may_be_those_of_another_script() -> None:
    digits: Any = {CHARACTERS: "0123456789", LENGTH: 9}
    assert normalise_user_code(digits, "٠١٩-४५०-730") == "019450730"


def test_codes_that_can_be_guessed_are_weak() -> None:
    assert weakness(SETTINGS) is None
    assert weakness({CHARACTERS: "0123456789", LENGTH: 9}) is None
    assert "can be guessed" in (weakness({CHARACTERS: "0123456789", LENGTH: 7}) or "")
    assert "can be guessed" in (weakness({CHARACTERS: "AB", LENGTH: 0}) or "")


@pytest.mark.parametrize("raw", ["", "A", "ABA", "abc", "A-B", "ÄÖ", "A B"])
def test_an_alphabet_has_capital_letters_and_digits_each_once(raw: str) -> None:
    assert user_code_alphabet(" 0123456789 ") == "0123456789"
    with pytest.raises(ValueError, match="each once"):
        user_code_alphabet(raw)
