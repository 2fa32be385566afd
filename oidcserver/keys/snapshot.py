"""Snapshots: the keys by use, as the key files define them at one time."""

import hashlib
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from joserfc.jwk import Key, OctKey

from oidcserver.keys.files import KeyFile
from oidcserver.keys.records import KeyRecord, public_jwk
from oidcserver.keys.strict_json import compact

#: The number of proofs whose results are cached.
REMEMBERED = 1024


class NotProven(Exception):
    """A proof failed. Failures are not cached: anybody can send any text."""


def _prove(proof: Callable[..., Any], *arguments: Any) -> Any:
    proven = proof(*arguments)
    if proven is None:
        raise NotProven
    return proven


@dataclass(frozen=True, slots=True, repr=False)
class Snapshot:
    """Replaced as a whole and never changed, so that a thread always sees a consistent state."""

    files: Mapping[str, KeyFile]
    #: The active key by algorithm: it signs, or clients encrypt to it.
    active: Mapping[str, Key]
    #: The keys that verify, by kid.
    verifying: Mapping[str, Key]
    #: The keys that decrypt, by algorithm, the newest first.
    decrypting: Mapping[str, tuple[Key, ...]]
    #: The sealing keys by kid; the first of them seals.
    sealing: Mapping[str, bytes]
    jwks: bytes
    etag: str
    #: The time at which a key changes its state.
    valid_until: float
    #: Calls a proof, and caches its result.
    prove: Callable[..., Any] = field(
        default_factory=partial(lru_cache(REMEMBERED), _prove), compare=False
    )

    @property
    def records(self) -> list[KeyRecord]:
        """The content of the key files."""
        return [file.record for file in self.files.values()]


def make_snapshot(
    files: Mapping[str, KeyFile], now: int, algorithms: Container[str] = ()
) -> Snapshot:
    """Return the snapshot of the key files at a time.

    :param algorithms: the selected algorithms: encryption keys of others are not used.
    """
    by_age = sorted(
        files.values(), key=lambda file: (file.record.active_from, file.record.created_at)
    )
    active = [file for file in by_age if file.record.state(now) == "active"]
    others = [file for file in by_age if file.record.state(now) in {"published", "retired"}]
    # Active keys come first, also for relying parties that use the first suitable key.
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
            # A client may encrypt to any key of the set, so only the active key is in it.
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
