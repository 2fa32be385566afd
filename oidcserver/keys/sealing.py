"""Sealing: authenticated encryption under the sealing keys, or under a presented credential.

The cipher is AES-256-GCM-SIV (RFC 8452) with a random nonce. With plain GCM, a repeated nonce
reveals both texts and the authentication key, so a key must be replaced after 2^32 texts (NIST SP
800-38D section 8.3), counted over all processes. With GCM-SIV, a repeated nonce only reveals
whether two texts are equal. One such pair is expected in 2^48 texts, which is ten thousand a second
for 890 years. So a sealing key is rotated because it may have leaked, not after a number of texts.
"""

import binascii
import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from oidcserver.interfaces.keys import Keys

NONCE_BYTES = 12
TAG_BYTES = 16


class Sealer:
    """Seals data for one purpose; data that was sealed for another purpose does not unseal.

    A sealed text is the ``kid`` of its key (8 hexadecimal digits), a dot, and base64url without
    padding of nonce and ciphertext. ``aad`` is not in it, and has to be the same for unsealing.
    """

    def __init__(self, keys: Keys, purpose: str) -> None:
        self._keys = keys
        self._purpose = purpose
        self._ciphers: dict[bytes, AESGCMSIV] = {}
        self._digest_keys: dict[bytes, bytes] = {}

    def seal(self, data: bytes, aad: bytes = b"") -> str:
        """Return the data sealed under the newest key."""
        kid, key = next(iter(self._keys.sealing_keys.items()))
        return f"{kid}.{_encrypt(self._cipher(key), data, aad)}"

    def unseal(self, text: str, aad: bytes = b"") -> bytes | None:
        """Return the data, or None if the text was not sealed for this purpose with this aad."""
        kid, _, sealed = text.partition(".")
        key = self._keys.sealing_keys.get(kid)
        return None if key is None else _decrypt(self._cipher(key), sealed, aad)

    def digests(self, text: str) -> list[str]:
        """Return the keyed digest (HMAC with SHA-256) of a text under each key.

        The first is that of the key that seals.

        A plain digest of a short text, such as a user code, is found by trying all texts; this one
        only by those who have the key.
        """
        keys = map(self._digest_key, self._keys.sealing_keys.values())
        return [hmac.digest(key, text.encode(), "sha256").hex() for key in keys]

    def _digest_key(self, key: bytes) -> bytes:
        derived = self._digest_keys.get(key)
        if derived is None:
            info = b"oidcserver digest: " + self._purpose.encode()
            derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key)
            self._digest_keys[key] = derived
        return derived

    def _cipher(self, key: bytes) -> AESGCMSIV:
        cipher = self._ciphers.get(key)
        if cipher is None:
            cipher = self._ciphers[key] = _derive(key, self._purpose)
        return cipher


def seal_with(credential: str, data: bytes) -> str:
    """Seal data under a key derived from a credential of 256 bits."""
    return _encrypt(_derive_from_credential(credential), data, b"")


def unseal_with(credential: str, text: str) -> bytes | None:
    """Return the data that :func:`seal_with` sealed under this credential, or None."""
    return _decrypt(_derive_from_credential(credential), text, b"")


def _derive_from_credential(credential: str) -> AESGCMSIV:
    return _derive(credential.encode("utf-8", "surrogatepass"), "presented credential")


def _derive(secret: bytes, purpose: str) -> AESGCMSIV:
    info = b"oidcserver sealing: " + purpose.encode()
    return AESGCMSIV(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret))


def _encrypt(cipher: AESGCMSIV, data: bytes, aad: bytes) -> str:
    # OpenSSL before 3.5 rejects an empty text with this cipher, so one byte precedes the data.
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + cipher.encrypt(nonce, b"\x01" + data, aad)
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _decrypt(cipher: AESGCMSIV, text: str, aad: bytes) -> bytes | None:
    try:
        encoded = text.encode("ascii")
        sealed = urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4))
        # Only the canonical spelling is accepted: b64decode ignores foreign characters and bits.
        if urlsafe_b64encode(sealed).rstrip(b"=") != encoded:
            return None
        if len(sealed) <= NONCE_BYTES + TAG_BYTES:
            return None
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], aad)[1:]
    except (UnicodeEncodeError, binascii.Error, InvalidTag):
        return None
