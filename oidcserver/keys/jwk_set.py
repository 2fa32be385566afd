"""A client's JWK Set (RFC 7517 section 5): only public keys are accepted."""

import json
from functools import lru_cache
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, KeySet, OKPKey, RSAKey
from joserfc.util import base64_to_int

#: Shorter RSA keys can be broken (RFC 7518 section 3.3); longer keys make verification too slow.
RSA_BITS = range(2048, 8192 + 1)

#: Odd (RFC 8017 section 3.1) and of 32 bits, as Windows and Go require too. The client chooses the
#: exponent, and the time of a verification grows with its length.
MAX_RSA_EXPONENT = 2**32 - 1

#: Keys of one client; each is kept in memory.
MAX_KEYS = 32
#: Tokens that are encrypted to a client name its key in their header.
MAX_KID_LENGTH = 256

# RFC 7518 section 6: the private members of a key.
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_CURVES = {"EC": ("P-256", "P-384", "P-521"), "OKP": ("Ed25519", "X25519")}
#: RFC 7518 section 4.6, RFC 8037 section 3.2.
_AGREEMENT_CURVES = frozenset({"P-256", "P-384", "P-521", "X25519"})


#: With a low-order point every secret is zero, which cryptography rejects (RFC 7748 section 6.1).
_ANYBODY = X25519PrivateKey.generate()


class _Unusable(Exception):
    """A key that is ignored. The text is the rest of a sentence that begins with the key."""


def read_pem(text: str | bytes) -> RSAKey | ECKey | OKPKey:
    """Return the private or public key of a text in PEM (RFC 7468).

    :raises ValueError: if it holds no key of a supported type.
    """
    for kind in (RSAKey, ECKey, OKPKey):
        try:
            return kind.import_key(text)
        except (JoseError, ValueError, TypeError, UnsupportedAlgorithm):
            continue
    raise ValueError("The text holds no RSA, EC or OKP key in PEM.")


def public_key_set(document: Any) -> KeySet:
    """Return the keys of a JWK Set given as parsed JSON.

    As RFC 7517 section 5 requires, a key that is not supported or cannot be used (another kty or
    curve, a missing or impossible member, an RSA key that is weak or too costly) is left out. A
    private or symmetric key is an error.

    :raises ValueError: if it is not a JWK Set, holds more than 32 keys or a private or symmetric
        key, or no usable key is left. The text is a sentence for an error_description.
    """
    members = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(members, list) or not all(isinstance(jwk, dict) for jwk in members):
        raise ValueError("The JWK Set must be an object whose member keys is a list of objects.")
    if len(members) > MAX_KEYS:
        raise ValueError(f"The JWK Set holds more than {MAX_KEYS} keys.")
    if any(jwk.get("kty") == "oct" or not _SECRET_MEMBERS.isdisjoint(jwk) for jwk in members):
        raise ValueError("The JWK Set holds a private or symmetric key.")
    keys, problems = [], []
    for number, jwk in enumerate(members, start=1):
        try:
            keys.append(_public_key(jwk))
        except _Unusable as problem:
            problems.append(f"key {number} {problem}")
    if not keys:
        reason = f": {problems[0]}" if problems else ""
        raise ValueError(f"The JWK Set holds no key that can be used{reason}.")
    return KeySet(keys)


@lru_cache(maxsize=256)
def stored_key_set(document: str) -> KeySet:
    """Return the keys of a JWK Set given as JSON; they are cached.

    Importing 32 large keys takes many times longer than verifying a signature, and anybody can send
    assertions in the name of a client.

    :raises ValueError: as :func:`public_key_set`.
    """
    return public_key_set(json.loads(document))


def encryption_key(keys: KeySet, alg: str) -> Key | None:
    """Return the key to encrypt to by an algorithm (RFC 7518 section 4.1), or None.

    Keys for another use are left out. Of several keys, one with this ``alg`` is preferred, then one
    with the ``use`` enc, then the first.
    """
    fitting = [key for key in keys if _encrypts(key, alg)]
    return max(fitting, key=lambda key: (key.alg == alg, key.get("use") == "enc"), default=None)


def _encrypts(key: Key, alg: str) -> bool:
    if alg.startswith("RSA"):
        fits, operation = key.key_type == "RSA", "encrypt"
    else:
        fits, operation = key.get("crv") in _AGREEMENT_CURVES, "deriveKey"
    return (
        fits
        and key.get("use", "enc") == "enc"
        and key.get("alg", alg) == alg
        and operation in (key.get("key_ops", [operation]) or ())
    )


def _public_key(jwk: dict[str, Any]) -> Key:
    kty = jwk.get("kty")
    if kty == "RSA":
        _check_rsa(jwk)
    elif not isinstance(kty, str) or jwk.get("crv") not in _CURVES.get(kty, ()):
        raise _Unusable("has a type or curve that is not supported")
    if len(str(jwk.get("kid", ""))) > MAX_KID_LENGTH:
        raise _Unusable(f"has a kid of more than {MAX_KID_LENGTH} characters")
    try:
        key = JWKRegistry.import_key(jwk)
        if isinstance(point := key.public_key, X25519PublicKey):
            _ANYBODY.exchange(point)
    except (JoseError, UnsupportedAlgorithm, ValueError, TypeError, KeyError):
        raise _Unusable("is malformed") from None
    return key


def _check_rsa(jwk: dict[str, Any]) -> None:
    try:
        modulus, exponent = base64_to_int(jwk["n"]), base64_to_int(jwk["e"])
    except (ValueError, TypeError, KeyError, AttributeError):
        raise _Unusable("is malformed") from None
    if modulus.bit_length() not in RSA_BITS:
        raise _Unusable(f"is an RSA key that is not {RSA_BITS[0]} to {RSA_BITS[-1]} bits long")
    if modulus % 2 == 0:
        raise _Unusable("is an RSA key with an even modulus")
    if exponent % 2 == 0 or not 3 <= exponent <= MAX_RSA_EXPONENT:
        raise _Unusable("is an RSA key whose exponent is even, less than 3 or longer than 32 bits")
