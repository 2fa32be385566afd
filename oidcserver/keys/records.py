"""Key records: one signing, encryption or sealing key, and its times."""

import re
import secrets
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from joserfc import jwk
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OctKey, OKPKey, RSAKey

from oidcserver import clock
from oidcserver.interfaces.keys import KeyStatus

RSA_BITS = 2048
SEALING = "A256GCM-SIV"
#: The kind, the kty, and the curve or size in bits of the keys of each algorithm.
_RECIPES: dict[str, tuple[str, Any, Any]] = {
    "RS256": ("sig", "RSA", RSA_BITS),
    "PS256": ("sig", "RSA", RSA_BITS),
    "ES256": ("sig", "EC", "P-256"),
    "Ed25519": ("sig", "OKP", "Ed25519"),
    "EdDSA": ("sig", "OKP", "Ed25519"),
    "RSA-OAEP-256": ("enc", "RSA", RSA_BITS),
    "RSA-OAEP": ("enc", "RSA", RSA_BITS),
    "ECDH-ES": ("enc", "EC", "P-256"),
    "ECDH-ES+A128KW": ("enc", "EC", "P-256"),
    "ECDH-ES+A256KW": ("enc", "EC", "P-256"),
    SEALING: ("seal", "oct", 256),
}
ALGORITHMS = tuple(alg for alg, (kind, *_) in _RECIPES.items() if kind == "sig")
ENCRYPTION_ALGORITHMS = tuple(alg for alg, (kind, *_) in _RECIPES.items() if kind == "enc")
#: The operation of an encryption key's private part, by kty (RFC 7517 section 4.3).
_OPERATIONS = {"RSA": "decrypt", "EC": "deriveKey"}
_SEALING_KID = re.compile(r"[0-9a-f]{8}")


class KeyStoreError(Exception):
    """The keys cannot be used. The text names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """The content of a key file. Times are seconds since the epoch; None is not yet set."""

    #: ``sig``, ``enc`` or ``seal``.
    kind: str
    alg: str
    #: The private JWK (RFC 7517), with ``kid``. It is not in the repr, which a trace may show.
    jwk: dict[str, Any] = field(repr=False)
    created_at: int
    active_from: int
    retired_at: int | None = None
    expires_at: int | None = None

    @property
    def kid(self) -> str:
        """The RFC 7638 thumbprint of a key pair, or eight random hex digits for a sealing key."""
        kid: str = self.jwk["kid"]
        return kid

    @property
    def file_name(self) -> str:
        """A readable name."""
        return f"{self.kind}-{self.alg}-{self.kid}.json"

    @property
    def moments(self) -> tuple[int, ...]:
        """The times at which :meth:`state` changes."""
        moments = (self.active_from, self.retired_at, self.expires_at)
        return tuple(moment for moment in moments if moment is not None)

    def state(self, now: int) -> str:
        """Return ``published``, ``active``, ``retired`` or ``expired``."""
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        if self.retired_at is not None and self.retired_at <= now:
            return "retired"
        return "active" if self.active_from <= now else "published"

    def status(self, now: int) -> KeyStatus:
        """Return the public facts about the key."""
        return KeyStatus(
            kid=self.kid,
            alg=self.alg,
            kind=self.kind,
            state=self.state(now),
            created_at=self.created_at,
            active_from=self.active_from,
            retired_at=self.retired_at,
            expires_at=self.expires_at,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the members of the key file."""
        return asdict(self)


def generate(alg: str, wait: int = 0) -> KeyRecord:
    """Make a key that becomes active after ``wait`` seconds.

    :raises KeyStoreError: for an algorithm that has no recipe.
    """
    if alg not in _RECIPES:
        known = ", ".join((*ALGORITHMS, *ENCRYPTION_ALGORITHMS))
        raise KeyStoreError(f"There is no way to make a key for {alg!r}: {known}.")
    kind, kty, size = _RECIPES[alg]
    key: Key = jwk.generate_key(kty, size)
    content: dict[str, Any] = dict(key.as_dict(private=True))
    if alg == SEALING:
        content["kid"] = secrets.token_hex(4)
    else:
        content.update(kid=key.thumbprint(), use=kind, alg=alg)
    now = clock.now()  # afterwards: making an RSA key takes a while
    return KeyRecord(kind, alg, content, now, now + wait)


def parse_record(document: Any) -> KeyRecord:
    """Return the record of a parsed key file.

    :raises ValueError: if it is malformed. :func:`import_jwk` checks the key itself.
    """
    if not isinstance(document, dict) or set(document) != {
        field.name for field in fields(KeyRecord)
    }:
        raise ValueError("The members are not those of a key file.")
    record = KeyRecord(**document)
    if record.alg not in tuple(_RECIPES) or record.kind != _RECIPES[record.alg][0]:
        raise ValueError("The kind or the algorithm is unknown.")
    if not isinstance(record.jwk, dict) or not isinstance(record.jwk.get("kid"), str):
        raise ValueError("The JWK has no kid.")
    given = [moment for moment in (record.retired_at, record.expires_at) if moment is not None]
    for moment in (record.created_at, record.active_from, *given):
        if type(moment) is not int:
            raise ValueError("A moment is not a number of seconds.")
    return record


def import_jwk(record: KeyRecord) -> Key:
    """Return joserfc's key: 33 ms for RSA, so once for each JWK.

    :raises ValueError: if the JWK is not a whole private key for the algorithm.
    :raises KeyStoreError: if this machine's OpenSSL cannot use it.
    """
    kind, kty, size = _RECIPES[record.alg]
    try:
        key = JWKRegistry.import_key(record.jwk, kty)
        key.check_key_op(_OPERATIONS[kty] if kind == "enc" else "sign")
        key.check_use(kind)
    except (JoseError, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        raise ValueError("The JWK is damaged.") from None
    if isinstance(key, OctKey):
        _check_sealing_key(key, size)
        return key
    if not key.is_private:
        raise ValueError("The JWK is a public key.")
    fits = key.public_key.key_size >= size if isinstance(key, RSAKey) else key.curve_name == size
    if not fits or key.alg != record.alg or record.kid != public_jwk(key, kind)["kid"]:
        raise ValueError("The JWK is no key for the algorithm, or of another name.")
    return key


def public_jwk(key: RSAKey | ECKey | OKPKey, use: str) -> dict[str, Any]:
    """Return the public key as a JWK, made of the public key alone."""
    public = JWKRegistry.import_key(key.as_pem(private=False), key.key_type)
    return {**public.as_dict(), "kid": public.thumbprint(), "use": use, "alg": key.alg}


def _check_sealing_key(key: OctKey, size: int) -> None:
    if not _SEALING_KID.fullmatch(key.kid or "") or len(key.raw_value) * 8 != size:
        raise ValueError("The JWK is no sealing key.")
    try:
        AESGCMSIV(key.raw_value)
    except UnsupportedAlgorithm:
        raise KeyStoreError(
            "OpenSSL has no AES-GCM-SIV here, which it has since 3.2: install a binary wheel of "
            "cryptography, which brings its own."
        ) from None
