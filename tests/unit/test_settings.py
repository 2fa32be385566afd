"""The words that a setting may consist of, however its value is given."""

from typing import Any

import pytest

from oidcserver.settings import ConfigurationProblem, Setting, convert_settings, text, words

LEVEL = Setting("app.level", text, "low", "How loud.", allowed=("low", "high"))
COLOURS = Setting("app.colours", words, (), "Which colours.", allowed=("red", "green"))


def test_allowed_words_are_accepted() -> None:
    settings = convert_settings((LEVEL, COLOURS), {"app.level": " high ", "app.colours": "red"})
    assert dict(settings) == {"app.level": "high", "app.colours": ("red",)}


def test_a_default_need_not_be_one_of_the_allowed_words() -> None:
    level = Setting("app.level", text, None, "How loud.", allowed=("low", "high"))
    assert convert_settings((level,), {})["app.level"] is None


@pytest.mark.parametrize("value", ["medium", " Low "])
def test_another_word_stops_the_start(value: Any) -> None:
    with pytest.raises(ConfigurationProblem) as stopped:
        convert_settings((LEVEL,), {"app.level": value})
    assert str(stopped.value) == (
        f"app.level = {value.strip()!r} cannot be read: it takes one of low, high."
    )


@pytest.mark.parametrize("value", ["red blue", ("red", "blue"), ["blue"]])
def test_another_word_of_a_list_stops_the_start(value: Any) -> None:
    with pytest.raises(ConfigurationProblem) as stopped:
        convert_settings((COLOURS,), {"app.colours": value})
    assert str(stopped.value) == "app.colours takes some of red, green, not blue."
