"""Shortens and cleans the values of a request for the log and the database; removes credentials."""

import re
from collections.abc import Mapping
from typing import Any

MAX_TEXT = 200
MAX_ITEMS = 20
MAX_DEPTH = 4
NOT_KEPT = "(not kept)"

#: Values with such names may be credentials and are removed, also if a plugin hands them in.
_SECRET_NAME = re.compile(
    "secret|password|token|code|assertion|verifier|cookie|credential|authorization|jwk"
)
#: Names of harmless values about credentials: token_endpoint_auth_method, authorization_id.
_HARMLESS_NAME = re.compile(r"_(algs?|endpoint|id|methods?|type)$")
#: Our own credentials and JWTs, in any value: developers send secrets as client_id too.
_CREDENTIAL = re.compile(r"\b[a-z]{2}_[A-Za-z0-9_-]{40,}|\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_.-]+")
#: Characters that PostgreSQL does not store in a text.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def redact_text(text: str, limit: int = MAX_TEXT) -> str:
    """Return at most ``limit`` characters from the beginning of a text.

    NUL and lone surrogates become U+FFFD, and credentials become ``(not kept)``.
    """
    known = _CREDENTIAL.sub(NOT_KEPT, text[: 20 * MAX_TEXT])
    return _UNSTORABLE.sub("\ufffd", known)[:limit]


def redact(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return named values that may be kept, as values for JSON."""
    return _mapping(values, MAX_DEPTH)


def _mapping(values: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    items = list(values.items())[:MAX_ITEMS]
    return {redact_text(str(name)): _value(str(name), value, depth) for name, value in items}


def _value(name: str, value: Any, depth: int) -> Any:
    lowered = name.lower()
    if _SECRET_NAME.search(lowered) and not _HARMLESS_NAME.search(lowered):
        return NOT_KEPT
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return int(value)
    if isinstance(value, str):
        return redact_text(value)
    if depth and isinstance(value, Mapping):
        return _mapping(value, depth - 1)
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [_value(name, item, depth - 1) for item in list(value)[:MAX_ITEMS]]
    return f"({type(value).__name__})"
