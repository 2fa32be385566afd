"""Snapshots: all that follows from the key files at one moment."""

import hashlib
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from joserfc.jwk import Key, OctKey

from oidcserver.keys.files import KeyFile
from oidcserver.keys.records import KeyRecord, public_jwk
from oidcserver.keys.strict_json import compact

#: Of how many texts it is remembered what they proved to be.
REMEMBERED = 1024


class NotProven(Exception):
    """A text is not what was asked for. That is not remembered: anybody can send anything."""


def _prove(proof: Callable[..., Any], *arguments: Any) -> Any:
    proven = proof(*arguments)
    if proven is None:
        raise NotProven
    return proven


@dataclass(frozen=True, slots=True, repr=False)
class Snapshot:
    """Replaced as a whole and never changed, so that a thread always sees one state."""

    files: Mapping[str, KeyFile]
    #: The key in use, by algorithm: it signs, or clients encrypt to it.
    active: Mapping[str, Key]
    #: The keys that verify, by kid.
    verifying: Mapping[str, Key]
    #: The keys that decrypt, by algorithm, the newest first.
    decrypting: Mapping[str, tuple[Key, ...]]
    #: The sealing keys by kid, the one that seals first.
    sealing: Mapping[str, bytes]
    jwks: bytes
    etag: str
    #: When time alone makes this snapshot old.
    valid_until: float
    #: Calls a proof, and remembers what it proved for as long as these are the keys.
    prove: Callable[..., Any] = field(
        default_factory=partial(lru_cache(REMEMBERED), _prove), compare=False
    )

    @property
    def records(self) -> list[KeyRecord]:
        """What the key files say."""
        return [file.record for file in self.files.values()]


def make_snapshot(
    files: Mapping[str, KeyFile], now: int, algorithms: Container[str] = ()
) -> Snapshot:
    """Return what follows from the key files now.

    :param algorithms: those selected: encryption keys of others are left alone.
    """
    by_age = sorted(
        files.values(), key=lambda file: (file.record.active_from, file.record.created_at)
    )
    active = [file for file in by_age if file.record.state(now) == "active"]
    others = [file for file in by_age if file.record.state(now) in {"published", "retired"}]
    # Those in use come first, also for relying parties that take the first key that fits.
    usable = [*reversed(active), *others]
    verifying: dict[str, Key] = {}
    decrypting: dict[str, tuple[Key, ...]] = {}
    sealing: dict[str, bytes] = {}
    signing_jwks, encryption_jwks = [], []
    in_use = {file.record.alg: file.key for file in active}
    for file in usable:
        alg, kid, key = file.record.alg, file.record.kid, file.key
        if isinstance(key, OctKey):
            sealing[kid] = key.raw_value
        elif file.record.kind == "sig":
            verifying[kid] = key
            signing_jwks.append(public_jwk(key, "sig"))
        elif alg in algorithms:
            decrypting[alg] = (*decrypting.get(alg, ()), key)
            # A client encrypts at once to what it finds, so it finds the key in use and no other.
            if key is in_use.get(alg):
                encryption_jwks.append(public_jwk(key, "enc"))
    jwks = compact({"keys": signing_jwks + encryption_jwks}).encode()
    moments = [moment for file in by_age for moment in file.record.moments if moment > now]
    return Snapshot(
        files=files,
        active=in_use,
        verifying=verifying,
        decrypting=decrypting,
        sealing=sealing,
        jwks=jwks,
        etag=hashlib.sha256(jwks).hexdigest()[:32],
        valid_until=min(moments, default=float("inf")),
    )
