"""Which passwords users may choose."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from oidcserver.accounts.new_passwords import MIN_LENGTH, compared_part, password_problem
from oidcserver.texts import SOURCE

PROVIDER = cast(Any, SimpleNamespace(settings={MIN_LENGTH: 15}))
CONTEXT = ("lovelace", "ada.lovelace@example.com", "Analytical Engines")


@pytest.mark.parametrize(
    "password",
    [
        "ada.lovelace@example.com",
        "Analytical Engines",
        "lovelacelovelace",
        "lovelace123456789",
    ],
)
def test_words_that_others_know_make_no_password(password: str) -> None:
    assert "easy to guess" in (password_problem(PROVIDER, password, CONTEXT) or "")


@pytest.mark.parametrize(
    "password", ["passwordpassword", "aaaaaaaaaaaaaaaaaaaa", "123456789012345"]
)
def test_common_passwords_are_none(password: str) -> None:
    assert "easy to guess" in (password_problem(PROVIDER, password, CONTEXT) or "")


@pytest.mark.parametrize(
    "password", ["four unrelated words here", "Ζεύς 🙂 αστραπή κεραυνός", "x7#kQ!p2mVz&w9Lr"]
)
def test_any_other_text_is_one(password: str) -> None:
    assert password_problem(PROVIDER, password, CONTEXT) is None


def test_a_short_password_is_none() -> None:
    problem = password_problem(PROVIDER, "x7#kQ!p2mVz&w9", ())
    assert SOURCE.translate(problem or "") == "Choose a password of at least 15 characters."


@pytest.mark.parametrize("signs", ['4@8({[<369!17|0$5+%2"', "4@({[<69!1|7$5+", "(4@69$50({[<"])
def test_a_password_of_signs_is_compared_as_far_as_that_is_quick(signs: str) -> None:
    """zxcvbn reads each sign as a letter, and tries all combinations of them."""
    hostile = signs * 20
    part = compared_part(hostile)
    assert hostile.startswith(part)
    assert len(part) < len(signs)
    assert password_problem(PROVIDER, hostile, ()) is None


@pytest.mark.parametrize(
    "password", ["839201746523981", "x7#kQ!p2mVz&w9Lr", "p4$$w0rd1!p4$$w0rd1!"]
)
def test_a_usual_password_is_compared_as_a_whole(password: str) -> None:
    assert compared_part(password) == password
