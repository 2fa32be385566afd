"""JSON from outside: one meaning, and bounds (RFC 7493)."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.keys.strict_json import MAX_NESTING, parse_object

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXT, below, max_size=3),
    max_leaves=10,
)


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return f'{{"a":{opening * depth}1{closing * depth}}}'.encode()


@given(members=st.dictionaries(TEXT, VALUES, max_size=5), ascii_only=st.booleans())
def test_an_ordinary_object_is_what_it_says(members: dict[str, Any], ascii_only: bool) -> None:
    data = json.dumps(members, ensure_ascii=ascii_only).encode()
    assert parse_object(data) == members


@given(data=st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_value_error(data: bytes) -> None:
    with suppress(ValueError):
        assert isinstance(parse_object(data), dict)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a":1}x', "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b'{"a":"\n"}', "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"a":"\xed\xa0\x80"}', "not JSON"),
        (b'\xef\xbb\xbf{"a":1}', "not JSON"),
        ('{"a":1}'.encode("utf-16"), "not JSON"),
        (b"[1]", "not an object"),
        (b"null", "not an object"),
        (b"7", "not an object"),
        (b'"text"', "not an object"),
        (b'{"a":1,"a":2}', "a member twice"),
        (b'{"a":1,"\\u0061":2}', "a member twice"),
        (b'{"a":[{"b":1,"b":1}]}', "a member twice"),
        (b'{"a":NaN}', "not finite"),
        (b'{"a":-Infinity}', "not finite"),
        (b'{"a":1e999}', "not finite"),
        (b'{"a":9223372036854775808}', "64 bits"),
        (b'{"a":-9223372036854775809}', "64 bits"),
        (b'{"a":' + b"9" * 4000 + b"}", "64 bits"),
        (b'{"a":' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"\\udfff":1}', "surrogate"),
        (b'{"a":[["\\u0000"]]}', "NUL"),
    ],
)
def test_what_others_could_read_otherwise_is_rejected(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_object(data)


def test_integers_of_64_bits_and_pairs_of_surrogates_are_accepted() -> None:
    assert parse_object(b'{"a":9223372036854775807,"b":-9223372036854775808}') == {
        "a": 2**63 - 1, "b": -(2**63),
    }  # fmt: skip
    assert parse_object(b'{"a":"\\ud83d\\ude00"}') == {"a": "\N{GRINNING FACE}"}


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_is_bounded(opening: str, closing: str) -> None:
    assert parse_object(nested(MAX_NESTING - 1, opening, closing))
    for depth in (MAX_NESTING, 500):
        with pytest.raises(ValueError, match="nested too deeply"):
            parse_object(nested(depth, opening, closing))
    with pytest.raises(ValueError, match="not JSON"):
        parse_object(nested(100_000, opening, closing))


def test_brackets_in_a_text_are_no_nesting() -> None:
    assert parse_object(json.dumps({"a": "[" * 100}).encode()) == {"a": "[" * 100}
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_object(b'{"a":"' + b"]" * 500 + b'","b":' + b"[" * 400 + b"]" * 400 + b"}")
