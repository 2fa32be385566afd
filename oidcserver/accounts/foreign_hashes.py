"""Hashes of passwords that other systems made, for users who are imported.

They are verified as those systems do, and the first right password replaces them by a hash of our
own. The cost is limited where they are read, so no sign-in takes more than about two seconds.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import bcrypt
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from oidcserver.accounts.hash_costs import (
    MAX_PARALLELISM,
    bcrypt_seconds,
    check_cost,
    pbkdf2_seconds,
    scrypt_seconds,
)

#: The bytes of a password that bcrypt hashes; systems with bcrypt ignore the rest.
BCRYPT_BYTES = 72
KINDS = "argon2, bcrypt, PBKDF2 or scrypt, as Django, passlib, Werkzeug and Keycloak write them"
#: Before a hash of bcrypt in Django: it is that of the SHA-256 digest, in hexadecimal.
DIGESTED = "bcrypt_sha256$"
#: The lowest and the highest cost of bcrypt.
BCRYPT_COSTS = range(4, 15)
_DIGESTS: Mapping[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha512": hashes.SHA512,
}


class ForeignHash(Protocol):
    """A hash that can be verified."""

    @property
    def text(self) -> str:
        """The form in which it is stored, which :func:`foreign_hash` reads."""
        ...

    @property
    def seconds(self) -> float:
        """The estimated time of a verification."""
        ...

    def verify(self, password: bytes) -> bool:
        """Return whether it was made from a password."""
        ...


@dataclass(frozen=True, slots=True)
class BcryptHash:
    """A hash of bcrypt, of the password or of its SHA-256 digest (Django)."""

    hash: str
    digested: bool

    @property
    def text(self) -> str:
        """As bcrypt writes it, with the name of Django's kind."""
        return f"{DIGESTED if self.digested else ''}{self.hash}"

    @property
    def seconds(self) -> float:
        """The estimated time of a verification."""
        return bcrypt_seconds(int(self.hash[4:6]))

    def verify(self, password: bytes) -> bool:
        """Hash and compare; bytes after the 72nd count only where the password was digested."""
        given = sha256(password).hexdigest().encode() if self.digested else password
        try:
            made = bcrypt.hashpw(given[:BCRYPT_BYTES], self.hash.encode())
        except ValueError:  # the salt is damaged
            return False
        return hmac.compare_digest(made, self.hash.encode())


@dataclass(frozen=True, slots=True)
class Pbkdf2Hash:
    """A hash of PBKDF2 (RFC 8018 section 5.2)."""

    digest: str
    iterations: int
    salt: bytes
    key: bytes

    @property
    def text(self) -> str:
        """The PHC string."""
        return f"$pbkdf2-{self.digest}$i={self.iterations}${encode(self.salt)}${encode(self.key)}"

    @property
    def seconds(self) -> float:
        """The estimated time of a verification."""
        return pbkdf2_seconds(self.digest, self.iterations, len(self.key))

    def verify(self, password: bytes) -> bool:
        """Derive the key and compare."""
        algorithm = _DIGESTS[self.digest]()
        kdf = PBKDF2HMAC(algorithm, len(self.key), self.salt, self.iterations)
        return _is_key(kdf, password, self.key)


@dataclass(frozen=True, slots=True)
class ScryptHash:
    """A hash of scrypt (RFC 7914)."""

    n: int
    r: int
    p: int
    salt: bytes
    key: bytes

    @property
    def text(self) -> str:
        """The PHC string."""
        parameters = f"ln={self.n.bit_length() - 1},r={self.r},p={self.p}"
        return f"$scrypt${parameters}${encode(self.salt)}${encode(self.key)}"

    @property
    def seconds(self) -> float:
        """The estimated time of a verification."""
        return scrypt_seconds(self.n, self.r, self.p)

    def verify(self, password: bytes) -> bool:
        """Derive the key and compare."""
        kdf = Scrypt(self.salt, len(self.key), self.n, self.r, self.p)
        return _is_key(kdf, password, self.key)


def _is_key(kdf: PBKDF2HMAC | Scrypt, password: bytes, key: bytes) -> bool:
    try:
        kdf.verify(password, key)
    except InvalidKey:
        return False
    return True


def foreign_hash(text: str) -> ForeignHash:
    """Return the hash of a text, other than argon2.

    :raises ValueError: with a sentence.
    """
    for pattern, read in _FORMS:
        found = pattern.fullmatch(text)
        if found is not None:
            try:
                return read(found)
            except binascii.Error:
                raise ValueError("The salt or the key of the hash is damaged.") from None
    raise ValueError(f"The hash is of an unknown kind: it has to be of {KINDS}.")


def _bcrypt(found: re.Match[str]) -> BcryptHash:
    if int(found["cost"]) not in BCRYPT_COSTS:
        raise ValueError(f"The cost of bcrypt is {BCRYPT_COSTS[0]} to {BCRYPT_COSTS[-1]}.")
    # The prefixes 2a and 2y stand for the same hash; 2x stands for a faulty one of PHP.
    hashed = f"$2b${found['cost']}${found['rest']}"
    return BcryptHash(hashed, digested=found["digested"] is not None)


def _pbkdf2(digest: str, iterations: int, salt: bytes, key: bytes) -> Pbkdf2Hash:
    if iterations < 1:
        raise ValueError("PBKDF2 has at least one iteration.")
    made = Pbkdf2Hash(digest, iterations, salt, key)
    check_cost(made.seconds, len(key))
    return made


def _scrypt(n: int, r: int, p: int, salt: bytes, key: bytes) -> ScryptHash:
    if not (n > 1 and n & (n - 1) == 0 and r > 0 and 0 < p <= MAX_PARALLELISM):
        raise ValueError("The parameters of scrypt are wrong.")
    made = ScryptHash(n, r, p, salt, key)
    check_cost(made.seconds, len(key), memory=128 * n * r)
    return made


def encode(value: bytes) -> str:
    """Return base64 without padding."""
    return base64.b64encode(value).decode("ascii").rstrip("=")


def decode(text: str) -> bytes:
    """Decode base64 with or without padding; passlib has ``.`` for ``+``."""
    bare = "".join(text.split()).rstrip("=").replace(".", "+")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)


_B64 = r"[A-Za-z0-9+/.]+=*"
_DIGEST = r"(?P<digest>sha1|sha256|sha512)"
#: The texts of each kind, and how they are read.
_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], ForeignHash]], ...] = (
    # Django writes its name before it, and bcrypt_sha256 for the digest of the password.
    (re.compile(r"(?:bcrypt\$|(?P<digested>bcrypt_sha256\$))?\$2[aby]\$(?P<cost>\d\d)\$"
                r"(?P<rest>[A-Za-z0-9./]{53})"), _bcrypt),
    # PHC strings; passlib writes the iterations alone, and no sha1.
    (re.compile(rf"\$pbkdf2(?:-{_DIGEST})?\$(?:i=)?(?P<iterations>\d{{1,9}})(?:,l=\d+)?"
                rf"\$(?P<salt>{_B64})\$(?P<key>{_B64})"),
     lambda it: _pbkdf2(it["digest"] or "sha1", int(it["iterations"]), decode(it["salt"]),
                        decode(it["key"]))),
    # Django: the salt is text.
    (re.compile(rf"pbkdf2_{_DIGEST}\$(?P<iterations>\d{{1,9}})\$(?P<salt>[^$]+)\$(?P<key>{_B64})"),
     lambda it: _pbkdf2(it["digest"], int(it["iterations"]), it["salt"].encode(),
                        decode(it["key"]))),
    # Werkzeug: the salt is text and the key hexadecimal.
    (re.compile(rf"pbkdf2:{_DIGEST}:(?P<iterations>\d{{1,9}})\$(?P<salt>[^$]+)\$(?P<key>[0-9a-f]+)"),
     lambda it: _pbkdf2(it["digest"], int(it["iterations"]), it["salt"].encode(),
                        binascii.unhexlify(it["key"]))),
    (re.compile(rf"\$scrypt\$ln=(?P<ln>\d{{1,2}}),r=(?P<r>\d{{1,4}}),p=(?P<p>\d{{1,4}})"
                rf"\$(?P<salt>{_B64})\$(?P<key>{_B64})"),
     lambda it: _scrypt(1 << int(it["ln"]), int(it["r"]), int(it["p"]), decode(it["salt"]),
                        decode(it["key"]))),
    (re.compile(rf"scrypt\$(?P<n>\d{{1,9}})\$(?P<salt>[^$]+)\$(?P<r>\d{{1,4}})\$(?P<p>\d{{1,4}})"
                rf"\$(?P<key>{_B64})"),
     lambda it: _scrypt(int(it["n"]), int(it["r"]), int(it["p"]), it["salt"].encode(),
                        decode(it["key"]))),
    (re.compile(r"scrypt:(?P<n>\d{1,9}):(?P<r>\d{1,4}):(?P<p>\d{1,4})\$(?P<salt>[^$]+)"
                r"\$(?P<key>[0-9a-f]+)"),
     lambda it: _scrypt(int(it["n"]), int(it["r"]), int(it["p"]), it["salt"].encode(),
                        binascii.unhexlify(it["key"]))),
)  # fmt: skip
