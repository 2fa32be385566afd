"""Hashes as other systems export them, read into the form in which they are stored here."""

import re
from collections.abc import Mapping
from typing import Any

from oidcserver.accounts.foreign_hashes import decode, encode, foreign_hash
from oidcserver.accounts.hash_costs import argon2_seconds
from oidcserver.keys.strict_json import parse_text

#: Django writes its own name before a hash of argon2.
_DJANGO = "argon2$argon2"
#: The beginning of a hash of an LDAP server (RFC 2307 section 5.3), which is no JSON.
_SCHEME = re.compile(r"\s*\{[\w.-]+\}")


def importable_hash(value: str | Mapping[str, Any]) -> str:
    """Return a hash in the form in which it is stored.

    :param value: the text of another system, or a password credential of Keycloak, which may be
        JSON.
    :raises ValueError: with a sentence, if it is of another kind or costs too much.
    """
    if isinstance(value, str) and value.lstrip().startswith("{") and not _SCHEME.match(value):
        try:
            value = parse_text(value)
        except ValueError:
            raise ValueError("The credential is not JSON.") from None
    text = value.strip() if isinstance(value, str) else _of_keycloak(value)
    if text.startswith(_DJANGO):
        text = text.removeprefix("argon2")
    if text.startswith("$argon2"):
        argon2_seconds(text)
        return text
    return foreign_hash(text).text


def _of_keycloak(credential: Any) -> str:
    """Return the hash of a password credential in an export of Keycloak."""
    try:
        secret, data = (_decoded(credential[name]) for name in ("secretData", "credentialData"))
        algorithm, iterations = data["algorithm"], int(data["hashIterations"])
        salt, key = decode(secret["salt"]), decode(secret["value"])
        if algorithm != "argon2":
            digest = {"pbkdf2": "sha1"}.get(algorithm, algorithm.removeprefix("pbkdf2-"))
            return f"$pbkdf2-{digest}$i={iterations}${encode(salt)}${encode(key)}"
        more = {name: values[0] for name, values in data["additionalParameters"].items()}
        version = {"1.0": 16, "1.3": 19}[more["version"]]
        cost = f"m={int(more['memory'])},t={iterations},p={int(more['parallelism'])}"
        return f"$argon2{more['type']}$v={version}${cost}${encode(salt)}${encode(key)}"
    except (LookupError, TypeError, ValueError, AttributeError):
        raise ValueError("This is not a password credential of Keycloak.") from None


def _decoded(value: Any) -> Any:
    return parse_text(value) if isinstance(value, str) else value
