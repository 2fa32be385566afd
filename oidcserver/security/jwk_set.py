"""A client's JWK Set (RFC 7517 section 5), by value or by reference: public keys and no others."""

from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet
from joserfc.util import base64_to_int

#: Below, RSA can be broken (RFC 7518 section 3.3); above, one verification costs too much.
RSA_BITS = range(2048, 8192 + 1)

#: Keys of one client; each is tried or kept in memory.
MAX_KEYS = 32

# RFC 7518 section 6: what only the owner of a key may know.
_SECRET_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_KEY_TYPES = frozenset({"RSA", "EC", "OKP"})
#: RFC 7518 section 4.6, RFC 8037 section 3.2.
_AGREEMENT_CURVES = frozenset({"P-256", "P-384", "P-521", "X25519"})


def public_key_set(document: Any) -> KeySet:
    """Return the keys of a JWK Set given as parsed JSON.

    As RFC 7517 section 5 asks, a key that is not understood (another kty or curve, a missing or
    impossible member) is left out. A key that should never have been shown is not passed over.

    :raises ValueError: if it is no JWK Set, holds more than 32 keys, a private or symmetric key
        or an RSA key of another size than 2048 to 8192 bits, or no usable key is left. The text
        is a sentence that may stand in an error_description.
    """
    members = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(members, list) or not all(isinstance(jwk, dict) for jwk in members):
        raise ValueError("The JWK Set must be an object whose member keys is a list of objects.")
    if len(members) > MAX_KEYS:
        raise ValueError(f"The JWK Set holds more than {MAX_KEYS} keys.")
    keys = [key for jwk in members if (key := _public_key(jwk)) is not None]
    if not keys:
        raise ValueError("The JWK Set holds no key that can be used.")
    return KeySet(keys)


def encryption_key(keys: KeySet, alg: str) -> Key | None:
    """Return the key to encrypt to by an algorithm (RFC 7518 section 4.1), or None.

    A key that is for something else is passed over. Of several the one goes first that says most
    clearly that it is for this, then the one that stands first.
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


def _public_key(jwk: dict[str, Any]) -> Key | None:
    if jwk.get("kty") == "oct" or not _SECRET_MEMBERS.isdisjoint(jwk):
        raise ValueError("The JWK Set holds a private or symmetric key.")
    if not isinstance(jwk.get("kty"), str) or jwk["kty"] not in _KEY_TYPES:
        return None
    try:
        modulus = base64_to_int(jwk["n"]) if jwk["kty"] == "RSA" else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if modulus is not None and modulus.bit_length() not in RSA_BITS:
        raise ValueError(
            f"The JWK Set holds an RSA key that is not {RSA_BITS[0]} to {RSA_BITS[-1]} bits long."
        )
    try:
        return JWKRegistry.import_key(jwk)
    except (JoseError, UnsupportedAlgorithm, ValueError, TypeError, KeyError):
        return None
