"""Sealing: authenticated encryption under the sealing keys, or under a presented credential.

AES-256-GCM-SIV (RFC 8452) with a random nonce: unlike with plain GCM, a repeated nonce reveals
at most that two texts are equal, so no count of sealed texts has to force a rotation.
"""

import binascii
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from oidcserver.keys.store import KeyStore

NONCE_BYTES = 12
TAG_BYTES = 16


class Sealer:
    """Seals for one purpose; what another purpose sealed does not unseal.

    A sealed text is the short name of its key, a dot, and base64url of nonce and ciphertext.
    """

    def __init__(self, keys: KeyStore, purpose: str) -> None:
        self._keys = keys
        self._purpose = purpose
        self._ciphers: dict[str, AESGCMSIV] = {}

    def seal(self, data: bytes) -> str:
        """Return the data sealed under the newest key."""
        name, key = self._keys.sealing_keys[0]
        return f"{name}.{_encrypt(self._cipher(name, key), data)}"

    def unseal(self, text: str) -> bytes | None:
        """Return the data, or None for every text that this purpose did not seal."""
        name, _, encrypted = text.partition(".")
        for candidate, key in self._keys.sealing_keys:
            if candidate == name:
                return _decrypt(self._cipher(name, key), encrypted)
        return None

    def _cipher(self, name: str, key: bytes) -> AESGCMSIV:
        cipher = self._ciphers.get(name)
        if cipher is None:
            cipher = self._ciphers[name] = _derive(key, self._purpose)
        return cipher


def seal_with(credential: str, data: bytes) -> str:
    """Seal data under a key derived from a credential of 256 bits."""
    return _encrypt(_derive(credential.encode(), "presented credential"), data)


def unseal_with(credential: str, text: str) -> bytes | None:
    """Return what :func:`seal_with` sealed under this credential, or None."""
    return _decrypt(_derive(credential.encode(), "presented credential"), text)


def _derive(secret: bytes, purpose: str) -> AESGCMSIV:
    info = b"oidcserver sealing: " + purpose.encode()
    return AESGCMSIV(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret))


def _encrypt(cipher: AESGCMSIV, data: bytes) -> str:
    # The empty text is no valid plaintext of the cipher, so one byte stands before all data.
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + cipher.encrypt(nonce, b"\x01" + data, None)
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _decrypt(cipher: AESGCMSIV, text: str) -> bytes | None:
    try:
        encoded = text.encode("ascii")
        sealed = urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4))
        # Only the one canonical spelling counts: b64decode forgives alien and trailing bits.
        if urlsafe_b64encode(sealed).rstrip(b"=") != encoded:
            return None
        if len(sealed) <= NONCE_BYTES + TAG_BYTES:
            return None
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)[1:]
    except (UnicodeEncodeError, binascii.Error, ValueError, InvalidTag):
        return None
