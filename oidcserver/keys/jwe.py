"""JSON Web Encryption, compact (RFC 7516): encryption to clients and decryption of their tokens.

Not supported on purpose: RSA1_5, whose padding errors leak the plaintext (RFC 8725 section 3.2),
passwords with their costly ``p2c``, and compression, which turns a few octets into gigabytes.
"""

import re
from collections.abc import Collection
from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwe import JWERegistry
from joserfc.jwk import Key
from joserfc.util import urlsafe_b64decode

from oidcserver.interfaces.keys import Keys
from oidcserver.keys.jwt import MAX_HEADER_BYTES, MAX_TOKEN_BYTES, InvalidJWT
from oidcserver.keys.records import ENCRYPTION_ALGORITHMS
from oidcserver.keys.strict_json import parse_object

#: The ``enc`` values: the content encryption algorithms (RFC 7518 section 5.1).
ENCODINGS = ("A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM")
#: The longest signed JWT in base64url, and the other segments.
MAX_ENCRYPTED_BYTES = MAX_TOKEN_BYTES * 4 // 3 + MAX_HEADER_BYTES + 1024
_SEGMENT = "[A-Za-z0-9_-]"
_COMPACT = re.compile(rf"({_SEGMENT}+)\.{_SEGMENT}*\.{_SEGMENT}+\.{_SEGMENT}+\.{_SEGMENT}+")
#: Compression, extensions and the parameters of passwords. Other unused members are ignored.
_REJECTED_HEADERS = frozenset({"zip", "crit", "p2s", "p2c"})
#: The members of an ephemeral key (RFC 7518 section 4.6.1.1).
_EPHEMERAL_KEY_MEMBERS = {"kty", "crv", "x", "y"}
#: The exceptions that joserfc raises for an unsuitable key or ciphertext.
_FAILURES = (JoseError, ValueError, TypeError, KeyError, AssertionError)


class _Registry(JWERegistry):
    max_protected_header_length = MAX_HEADER_BYTES
    max_ciphertext_length = MAX_ENCRYPTED_BYTES


_REGISTRY = _Registry(algorithms=[*ENCRYPTION_ALGORITHMS, *ENCODINGS], strict_check_header=False)


def encrypt(payload: str, key: Key, alg: str, enc: str, *, cty: str | None = "JWT") -> str:
    """Encrypt a text to a client's public key; the header names its ``kid`` if it has one.

    :param alg: one of ``ENCRYPTION_ALGORITHMS`` that fits the key.
    :param enc: one of :data:`ENCODINGS`.
    :param cty: ``JWT`` for a signed one inside (RFC 7519 section 5.2); None: no content type.
    :raises ValueError: if the key cannot be used with the algorithm.
    """
    header: dict[str, Any] = {"alg": alg, "enc": enc}
    if cty is not None:
        header["cty"] = cty
    if key.kid is not None:
        header["kid"] = key.kid
    try:
        key.check_alg(alg)
        return jwe.encrypt_compact(header, payload, key, registry=_REGISTRY)
    except _FAILURES as problem:
        raise ValueError(f"The key cannot be used for {alg} ({problem}).") from None


def decrypt(keys: Keys, token: str, algs: Collection[str], encs: Collection[str]) -> str:
    """Return the text that a client encrypted to one of our keys.

    :param algs: the ``alg`` values that are accepted: of ``ENCRYPTION_ALGORITHMS``.
    :param encs: the ``enc`` values that are accepted: of :data:`ENCODINGS`.
    :raises InvalidJWT: for every failure. Once a private key is used, the text is always the same,
        so that it says nothing about the plaintext (RFC 7516 section 11.5).
    """
    header = _read_header(token)
    alg = header["alg"]
    if alg not in algs or header["enc"] not in encs:
        raise InvalidJWT("the encryption algorithm is not allowed")
    for key in keys.decryption_keys(alg):
        if header.get("kid", key.kid) != key.kid:
            continue
        try:
            plaintext = jwe.decrypt_compact(token, key, registry=_REGISTRY).plaintext
            return (plaintext or b"").decode()
        except _FAILURES:
            continue
    raise InvalidJWT("it cannot be decrypted")


def _read_header(token: str) -> dict[str, Any]:
    """Return the header of a token of acceptable size; nothing in it is verified."""
    if len(token) > MAX_ENCRYPTED_BYTES:
        raise InvalidJWT("it is too long")
    segments = _COMPACT.fullmatch(token)
    if segments is None:
        raise InvalidJWT("it is not an encrypted JWT")
    if len(segments[1]) > MAX_HEADER_BYTES:
        raise InvalidJWT("the header is too long")
    try:
        header = parse_object(urlsafe_b64decode(segments[1].encode()))
    except ValueError as problem:
        raise InvalidJWT(f"the header is malformed: {problem}") from None
    if not all(isinstance(header.get(name, ""), str) for name in ("alg", "enc", "kid")):
        raise InvalidJWT("a member of the header is not text")
    if not {"alg", "enc"} <= header.keys() or _REJECTED_HEADERS.intersection(header):
        raise InvalidJWT("the header lacks alg or enc or holds a member that is not accepted")
    if "epk" in header and not _is_point(header["epk"]):
        raise InvalidJWT("epk is no ephemeral public key")
    return header


def _is_point(epk: Any) -> bool:
    return (
        isinstance(epk, dict)
        and epk.keys() <= _EPHEMERAL_KEY_MEMBERS
        and all(isinstance(value, str) for value in epk.values())
    )
