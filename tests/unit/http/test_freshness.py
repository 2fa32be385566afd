"""How long an answer may be used without asking its host again (RFC 9111 section 4.2)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.http.freshness import Freshness, freshness


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"cache-control": "public"}, None),
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": "PUBLIC, Max-Age=600"}, 600),
        ({"cache-control": 'max-age="600"'}, 600),
        ({"cache-control": "max-age=600", "age": "200"}, 400),
        ({"cache-control": "max-age=600", "age": "700"}, 0),
        ({"cache-control": "max-age=600", "age": "yesterday"}, 600),
        ({"cache-control": "max-age=600, max-age=600"}, 600),
        ({"cache-control": "max-age=99999999999999999999"}, 2**31),
        ({"cache-control": "max-age=-1"}, 0),
        ({"cache-control": "max-age=soon"}, 0),
        ({"cache-control": "max-age"}, 0),
        ({"cache-control": "max-age=60", "expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, 60),
        (
            {
                "date": "Sat, 28 Nov 2026 12:00:00 GMT",
                "expires": "Sat, 28 Nov 2026 12:10:00 GMT",
            },
            600,
        ),
        ({"expires": "0"}, 0),
        ({"expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
    ],
)
def test_an_answer_says_how_long_it_is_fresh(headers: dict[str, str], seconds: int | None) -> None:
    assert freshness(headers) == Freshness(seconds, may_be_stale=True)


@pytest.mark.parametrize(
    "cache_control",
    ["no-store", "no-cache", "private", 'private="Set-Cookie"', "private, max-age=600"],
)
def test_what_is_not_for_others_is_not_kept(cache_control: str) -> None:
    assert freshness({"cache-control": cache_control}) == Freshness(0, may_be_stale=False)


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("max-age=600, s-maxage=0", 0),
        ("s-maxage=60, max-age=600", 60),
        ("max-age=600, must-revalidate", 600),
        ("max-age=600, proxy-revalidate", 600),
    ],
)
def test_some_answers_are_never_used_when_they_are_stale(cache_control: str, seconds: int) -> None:
    assert freshness({"cache-control": cache_control}) == Freshness(seconds, may_be_stale=False)


def test_two_times_contradict_each_other() -> None:
    with pytest.raises(ValueError, match="contradicts itself"):
        freshness({"cache-control": "max-age=60, max-age=6000"})


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.text(st.characters(max_codepoint=255), max_size=60)
            for name in ("cache-control", "age", "expires", "date")
        },
    )
)
def test_no_header_is_a_surprise(headers: Any) -> None:
    try:
        seconds, _ = freshness(headers)
    except ValueError:
        return
    assert seconds is None or seconds >= 0
