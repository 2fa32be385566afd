"""Snapshots: all that follows from the key files at one moment."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from joserfc.jwk import Key, OctKey

from oidcserver.keys.files import KeyFile
from oidcserver.keys.records import KeyRecord, public_jwk


@dataclass(frozen=True, slots=True, repr=False)
class Snapshot:
    """Replaced as a whole and never changed, so that a thread always sees one state."""

    files: Mapping[str, KeyFile]
    #: The key that signs, by algorithm.
    signing: Mapping[str, Key]
    #: The keys that verify, by kid.
    published: Mapping[str, Key]
    #: The sealing keys by kid, the one that seals first.
    sealing: Mapping[str, bytes]
    jwks: bytes
    etag: str
    #: When time alone makes this snapshot old.
    valid_until: float

    @property
    def records(self) -> list[KeyRecord]:
        """What the key files say."""
        return [file.record for file in self.files.values()]


def make_snapshot(files: Mapping[str, KeyFile], now: int) -> Snapshot:
    """Return what follows from the key files now."""
    by_age = sorted(
        files.values(), key=lambda file: (file.record.active_from, file.record.created_at)
    )
    active = [file for file in by_age if file.record.state(now) == "active"]
    others = [file for file in by_age if file.record.state(now) in {"published", "retired"}]
    # Those in use come first, also for relying parties that take the first key that fits.
    keys = {file.record.kid: file.key for file in (*reversed(active), *others)}
    published = {kid: key for kid, key in keys.items() if not isinstance(key, OctKey)}
    jwks = json.dumps(
        {"keys": [public_jwk(key) for key in published.values()]}, separators=(",", ":")
    ).encode()
    moments = [moment for file in by_age for moment in file.record.moments if moment > now]
    return Snapshot(
        files=files,
        signing={file.record.alg: file.key for file in active if file.record.kind == "sig"},
        published=published,
        sealing={kid: key.raw_value for kid, key in keys.items() if isinstance(key, OctKey)},
        jwks=jwks,
        etag=hashlib.sha256(jwks).hexdigest()[:32],
        valid_until=min(moments, default=float("inf")),
    )
