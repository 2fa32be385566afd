"""The key store: which key signs now, which are published, which seal; followed while running."""

import hashlib
import json
import logging
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import Key

from oidcserver import clock
from oidcserver.keys import files
from oidcserver.keys.files import ALGORITHMS, SEALING, KeyRecord, KeyStoreError

log = logging.getLogger(__name__)

#: How often the directory is looked at, in seconds.
WATCH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that follows from the key files at one moment; replaced as a whole, never changed."""

    fingerprint: tuple[tuple[str, int, int], ...]
    records: tuple[KeyRecord, ...]
    imported: Mapping[str, Key]
    signing: Mapping[str, Key]
    published: Mapping[str, Key]
    sealing: tuple[tuple[str, bytes], ...]
    jwks: bytes
    etag: str
    #: When time alone makes this snapshot old.
    valid_until: float


class KeyStore:
    """The keys of one directory.

    :param algorithms: the signing algorithms that there have to be keys for.
    :param create_missing: make what is missing (development), or refuse (production).
    :param publish_before: seconds for which a new key is published before it signs.
    :param keep_after: seconds for which an old key is published after it signed last.
    :raises KeyStoreError: if the keys cannot be used.
    """

    def __init__(
        self,
        directory: Path,
        algorithms: Iterable[str] = ALGORITHMS,
        *,
        create_missing: bool,
        publish_before: int,
        keep_after: int,
    ) -> None:
        self.directory = Path(directory)
        self.algorithms = tuple(algorithms)
        self.publish_before = publish_before
        self.keep_after = keep_after
        self._lock = threading.Lock()
        self._looked_at = time.monotonic()
        if create_missing:
            self._create_missing()
        self._snapshot = self._load(None)
        self._demand_all(self._snapshot)

    def signing_key(self, alg: str) -> Key:
        """Return the newest active key of an algorithm, with its ``kid``.

        :raises KeyStoreError: if there is none.
        """
        key = self._current().signing.get(alg)
        if key is None:
            raise KeyStoreError(f"There is no active key for {alg}.")
        return key

    def find(self, kid: str) -> Key | None:
        """Return a published key: one that signs, will sign, or signed not long ago."""
        return self._current().published.get(kid)

    def jwks(self) -> bytes:
        """Return the public JWK Set (RFC 7517 section 5) as JSON."""
        return self._current().jwks

    @property
    def etag(self) -> str:
        """A tag that changes with :meth:`jwks`."""
        return self._current().etag

    @property
    def sealing_keys(self) -> tuple[tuple[str, bytes], ...]:
        """The sealing keys by their short names, the one in use first."""
        return self._current().sealing

    def status(self) -> list[KeyRecord]:
        """Return every key, signing keys first, newest first; ``jwk`` is private."""
        records = self._current().records
        return sorted(
            records, key=lambda record: (record.kind != "sig", record.alg, -record.created_at)
        )

    def rotate(self, algorithms: Iterable[str] | None = None) -> list[KeyRecord]:
        """Make new signing keys, published now and used after ``publish_before`` seconds.

        Keys before them retire when the new ones become active, and go ``keep_after`` seconds
        later. The first key of an algorithm is active at once.
        """
        made = []
        with files.locked(self.directory):
            records = [files.read(path) for path in files.paths(self.directory)]
            now = clock.now()
            for alg in algorithms or self.algorithms:
                older = [
                    r for r in records if r.alg == alg and r.state(now) in {"active", "published"}
                ]
                active_from = now + self.publish_before if older else now
                new = files.generate(alg, now, active_from)
                files.write(self.directory, new)
                made.append(new)
                for record in older:
                    end = max(active_from, record.active_from)
                    files.write(self.directory, record.ending(end, end + self.keep_after))
            for record in records:
                if record.state(now) == "expired":
                    (self.directory / record.file_name).unlink(missing_ok=True)
        self._reload()
        return made

    def rotate_sealing(self) -> KeyRecord:
        """Make a new sealing key, used at once by processes that have seen it.

        Old ones stay until they are removed by hand, since client secrets may be sealed by them.
        """
        with files.locked(self.directory):
            new = files.generate(SEALING, clock.now(), clock.now() + self.publish_before)
            files.write(self.directory, new)
        self._reload()
        return new

    def _create_missing(self) -> None:
        with files.locked(self.directory):
            present = {files.read(path).alg for path in files.paths(self.directory)}
            now = clock.now()
            for alg in (*self.algorithms, SEALING):
                if alg not in present:
                    files.write(self.directory, files.generate(alg, now, now))

    def _demand_all(self, snapshot: Snapshot) -> None:
        missing = [alg for alg in self.algorithms if alg not in snapshot.signing]
        if not snapshot.sealing:
            missing.append(f"sealing ({SEALING})")
        if missing:
            raise KeyStoreError(
                f"There is no active key in {self.directory} for {', '.join(missing)}: restore the "
                "keys, or make new ones with `oidcserver keys rotate INI`."
            )

    def _current(self) -> Snapshot:
        snapshot = self._snapshot
        moment = time.monotonic()
        if moment - self._looked_at < WATCH_SECONDS and clock.now() < snapshot.valid_until:
            return snapshot
        if not self._lock.acquire(blocking=False):
            return snapshot  # another thread looks already
        try:
            self._looked_at = moment
            if clock.now() >= snapshot.valid_until or self._fingerprint() != snapshot.fingerprint:
                self._snapshot = self._load(snapshot)
        except KeyStoreError as problem:
            log.error("The keys changed and cannot be used; the former stay in use: %s", problem)
        finally:
            self._lock.release()
        return self._snapshot

    def _reload(self) -> None:
        with self._lock:
            self._snapshot = self._load(self._snapshot)

    def _fingerprint(self) -> tuple[tuple[str, int, int], ...]:
        found = []
        for path in files.paths(self.directory):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            found.append((path.name, stat.st_mtime_ns, stat.st_size))
        return tuple(found)

    def _load(self, before: Snapshot | None) -> Snapshot:
        fingerprint = self._fingerprint()
        known = before.imported if before else {}
        records = tuple(files.read(self.directory / name) for name, _, _ in fingerprint)
        imported = {r.kid: known.get(r.kid) or files.import_record(r) for r in records}
        now = clock.now()
        by_age = sorted(records, key=lambda record: (record.active_from, record.created_at))
        signing = {
            r.alg: imported[r.kid] for r in by_age if r.kind == "sig" and r.state(now) == "active"
        }
        published = {
            r.kid: imported[r.kid] for r in by_age if r.kind == "sig" and r.state(now) != "expired"
        }
        keys = [key.as_dict(private=False) for key in published.values()]
        jwks = json.dumps({"keys": keys}, separators=(",", ":")).encode()
        moments = [
            moment
            for record in records
            for moment in (record.active_from, record.retired_at, record.expires_at)
            if moment is not None and moment > now
        ]
        return Snapshot(
            fingerprint=fingerprint,
            records=records,
            imported=imported,
            signing=signing,
            published=published,
            sealing=tuple(_sealing_keys(by_age, now)),
            jwks=jwks,
            etag=hashlib.sha256(jwks).hexdigest()[:32],
            valid_until=min(moments, default=float("inf")),
        )


def _sealing_keys(by_age: list[KeyRecord], now: int) -> list[tuple[str, bytes]]:
    """The newest active key seals; every other unseals."""
    seal = [record for record in reversed(by_age) if record.kind == "seal"]
    seal.sort(key=lambda record: record.active_from > now)
    return [(record.kid, _secret(record)) for record in seal]


def _secret(record: KeyRecord) -> bytes:
    text: str = record.jwk["k"]
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
