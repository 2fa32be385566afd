"""Key files: one JSON object each, mode 0600 in a directory of mode 0700.

Members: ``kind`` (``sig`` or ``seal``), ``alg``, ``jwk`` (RFC 7517, private), ``created_at``,
``active_from``, ``retired_at``, ``expires_at`` (seconds since the epoch or null).
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from joserfc import jwk
from joserfc.errors import JoseError
from joserfc.jwk import Key

RSA_BITS = 2048
_RECIPES: dict[str, tuple[Any, Any]] = {
    "RS256": ("RSA", RSA_BITS),
    "PS256": ("RSA", RSA_BITS),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
    "A256GCM-SIV": ("oct", 256),
}
ALGORITHMS = tuple(alg for alg in _RECIPES if alg != "A256GCM-SIV")
SEALING = "A256GCM-SIV"


class KeyStoreError(Exception):
    """The keys cannot be used. Its text says which file and what to do."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What a key file says. ``jwk`` is private."""

    kind: str
    alg: str
    jwk: dict[str, Any]
    created_at: int
    active_from: int
    retired_at: int | None = None
    expires_at: int | None = None

    @property
    def kid(self) -> str:
        """The key's identifier (RFC 7638 thumbprint; of a sealing key its own short name)."""
        kid: str = self.jwk["kid"]
        return kid

    @property
    def file_name(self) -> str:
        """A name that a person can read."""
        return f"{self.kind}-{self.alg}-{self.kid}.json"

    def state(self, now: int) -> str:
        """Return ``published``, ``active``, ``retired`` or ``expired``."""
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        if self.retired_at is not None and self.retired_at <= now:
            return "retired"
        return "active" if self.active_from <= now else "published"

    def ending(self, retired_at: int, expires_at: int | None) -> "KeyRecord":
        """Return this record with its end."""
        return replace(self, retired_at=retired_at, expires_at=expires_at)


def generate(alg: str, created_at: int, active_from: int) -> KeyRecord:
    """Make a key.

    :raises KeyStoreError: for an algorithm that has no recipe.
    """
    if alg not in _RECIPES:
        raise KeyStoreError(f"There is no way to make a key for {alg!r}: {', '.join(ALGORITHMS)}.")
    kty, size = _RECIPES[alg]
    if kty == "oct":
        content: dict[str, Any] = dict(jwk.generate_key("oct", size).as_dict(private=True))
        content["kid"] = secrets.token_hex(4)
        return KeyRecord("seal", alg, content, created_at, active_from)
    key = jwk.generate_key(kty, size, auto_kid=True)
    content = {**key.as_dict(private=True), "use": "sig", "alg": alg}
    return KeyRecord("sig", alg, content, created_at, active_from)


def import_record(record: KeyRecord) -> Key:
    """Return joserfc's key: 33 ms for RSA, so once per file."""
    return jwk.import_key(record.jwk)


def read(path: Path) -> KeyRecord:
    """Read one key file.

    :raises KeyStoreError: if it is readable by others, unreadable, cut short or no key.
    """
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as problem:
        raise KeyStoreError(f"The key file {path} cannot be read: {problem.strerror}.") from None
    if mode & 0o077:
        raise KeyStoreError(f"The key file {path} is open to others: `chmod 600 {path}`.")
    try:
        record = KeyRecord(**json.loads(content))
        if record.kind not in {"sig", "seal"} or record.alg not in _RECIPES or not record.kid:
            raise ValueError
        for moment in (record.created_at, record.active_from):
            if not isinstance(moment, int):
                raise TypeError
        import_record(record)
    except (ValueError, TypeError, KeyError, AttributeError, JoseError):
        raise KeyStoreError(
            f"The key file {path} is not a whole key: restore it from a backup, or remove it if "
            "nothing that it signed or sealed is needed any more."
        ) from None
    return record


def write(directory: Path, record: KeyRecord) -> None:
    """Write a key file so that a reader sees the whole of it or nothing."""
    temporary = directory / f".{record.file_name}.{secrets.token_hex(4)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(record), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(directory / record.file_name)


def paths(directory: Path) -> list[Path]:
    """Return the key files of a directory in the order of their names."""
    try:
        return sorted(path for path in directory.glob("*.json") if not path.name.startswith("."))
    except OSError as problem:
        raise KeyStoreError(f"{directory} cannot be read: {problem.strerror}.") from None


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory's lock, so that two processes never make or rotate keys at once."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
