"""Writes JSON without spaces, and parses JSON within the limits of I-JSON (RFC 7493).

A lenient parser causes errors later: parsers disagree on two members with one name, and a lone
surrogate, a NUL, an infinite or a huge number fails in a database or a header.
"""

import json
import math
import re
from typing import Any

MAX_NESTING = 16
#: Integers below take 64 bits.
_INTEGER_BOUND = 2**63
#: Returns a value as JSON in ASCII; ``json.dumps`` would make an encoder for each call.
compact = json.JSONEncoder(separators=(",", ":")).encode
_UNUSABLE_CHARACTER = re.compile("[\x00\ud800-\udfff]")


def parse_text(text: str | bytes) -> Any:
    """Return the value of JSON that an operator wrote, which is checked less.

    :raises ValueError: if it is not JSON. The text says where.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def parse_object(data: bytes) -> dict[str, Any]:
    """Return the members of a JSON object in UTF-8.

    :raises ValueError: if it is not JSON, not an object, nested deeper than 16, or holds a member
        twice, NUL, a lone surrogate, or a number that is not finite or an integer of more than 64
        bits. The text says which and quotes no input.
    """
    document = _parse(data)
    if not isinstance(document, dict):
        raise ValueError("it is not an object")
    return document


def parse_array(data: bytes) -> list[Any]:
    """Return the items of a JSON array in UTF-8.

    :raises ValueError: as :func:`parse_object`, and if it is not an array.
    """
    document = _parse(data)
    if not isinstance(document, list):
        raise ValueError("it is not an array")
    return document


def _parse(data: bytes) -> Any:
    try:
        document = json.loads(
            data.decode(),
            object_pairs_hook=_members,
            parse_constant=_reject_constant,
            parse_float=_finite,
            parse_int=_bounded,
        )
    except _Rejected:
        raise
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    _check(document)
    return document


class _Rejected(ValueError):
    """JSON that is not accepted."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Rejected("it holds a member twice")
    return members


def _reject_constant(_: str) -> Any:
    raise _Rejected("it holds a number that is not finite")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _Rejected("it holds a number that is not finite")
    return number


def _bounded(text: str) -> int:
    number = int(text)  # of more than 4,300 digits it is a ValueError
    if not -_INTEGER_BOUND <= number < _INTEGER_BOUND:
        raise _Rejected("it holds an integer of more than 64 bits")
    return number


def _check(document: Any) -> None:
    """Check texts and depth, level by level, so that no nesting exhausts the stack."""
    level: list[Any] = [document]
    depth = 0
    while level:
        depth += 1
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict | list):
                if depth > MAX_NESTING:
                    raise _Rejected("it is nested too deeply")
                below.extend(value)
                if isinstance(value, dict):
                    below.extend(value.values())
            elif isinstance(value, str) and _UNUSABLE_CHARACTER.search(value):
                raise _Rejected("it holds NUL or a lone surrogate")
        level = below
