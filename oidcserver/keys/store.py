"""The key store: the keys that sign, decrypt and seal now, and those that are published."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from joserfc.jwk import Key

from oidcserver import clock
from oidcserver.interfaces.keys import KeyStatus, Proven
from oidcserver.keys import files
from oidcserver.keys.records import (
    ALGORITHMS,
    ENCRYPTION_ALGORITHMS,
    SEALING,
    KeyRecord,
    KeyStoreError,
    generate,
)
from oidcserver.keys.snapshot import NotProven, Snapshot, make_snapshot

__all__ = ["KeyStore", "KeyStoreError"]

log = logging.getLogger(__name__)

#: The kinds of keys in the order of their display.
_KINDS = ("sig", "enc", "seal")
#: Seconds between two looks at the directory.
WATCH_SECONDS = 1.0
#: Seconds after which every process has seen a new file; times are whole seconds.
SETTLING_SECONDS = 3


class KeyStore:
    """The keys of one directory.

    Changes of its files take effect within a second, and times at once. Changes that cannot be used
    are logged, and the former keys stay in use.

    :param algorithms: the signing and encryption algorithms that need a key.
    :param create_missing: whether to create missing keys (development) or to raise (production).
    :param publish_before: seconds that a new key is published before it signs; at least 3, so that
        every process knows a key before another signs or seals with it.
    :param keep_after: seconds that an old key is published after it last signed, and that it
        decrypts after clients could last find it; at least the longest lifetime of the tokens that
        it signs.
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
        self.publish_before = max(publish_before, SETTLING_SECONDS)
        self.keep_after = keep_after
        self._lock = threading.Lock()
        self._looked_at = time.monotonic()
        self._reported = ""
        self._snapshot = make_snapshot({}, clock.now())
        if create_missing:
            self._create_missing()
        self._reload()

    def signing_key(self, alg: str) -> Key:
        """Return the newest active key of an algorithm, with its ``kid``.

        :raises KeyStoreError: if there is none.
        """
        key = self._current().active.get(alg)
        if key is None:
            raise KeyStoreError(f"There is no active key for {alg}.")
        return key

    def find(self, kid: str) -> Key | None:
        """Return a key that verifies: a published, active or recently retired key; or None."""
        return self._current().verifying.get(kid)

    def decryption_keys(self, alg: str) -> tuple[Key, ...]:
        """Return the keys that decrypt by an algorithm, the active one first; possibly none."""
        return self._current().decrypting.get(alg, ())

    def jwks(self) -> bytes:
        """Return the public JWK Set (RFC 7517 section 5) as JSON."""
        return self._current().jwks

    @property
    def etag(self) -> str:
        """A tag that changes with :meth:`jwks`. Read it first, so that it is never newer."""
        return self._current().etag

    @property
    def problem(self) -> str:
        """The reason why changed keys cannot be used, or nothing. The former keys stay in use."""
        self._current()
        return self._reported

    @property
    def sealing_keys(self) -> Mapping[str, bytes]:
        """The sealing keys by ``kid``; the first of them seals."""
        return self._current().sealing

    def prove(self, proof: Callable[..., Proven | None], *arguments: Any) -> Proven | None:
        """Return the result of a proof, which is cached until the keys change.

        :param proof: depends on its arguments and the keys alone; it returns None if it fails.
        """
        try:
            proven: Proven = self._current().prove(proof, *arguments)
        except NotProven:
            return None
        return proven

    def status(self) -> list[KeyStatus]:
        """Return every key: signing, encryption, sealing keys; by algorithm, newest first."""
        now = clock.now()
        records = sorted(
            self._current().records,
            key=lambda record: (_KINDS.index(record.kind), record.alg, -record.active_from),
        )
        return [record.status(now) for record in records]

    def rotate(self, algorithms: Iterable[str] | None = None) -> list[KeyStatus]:
        """Make new keys, which are published now and sign after ``publish_before`` seconds.

        The former keys retire when the new ones become active, and expire ``keep_after`` seconds
        later. The first key of an algorithm is active at once. A new encryption key replaces the
        old one as soon as every process knows it. Expired keys are removed.

        :raises KeyStoreError: if a key file is damaged or cannot be written.
        """
        with files.locked(self.directory):
            records = self._records()
            made = [self._succeed(alg, records) for alg in algorithms or self.algorithms]
            now = clock.now()
            for record in records:
                if record.state(now) == "expired":
                    (self.directory / record.file_name).unlink(missing_ok=True)
        self._reload()
        return [record.status(now) for record in made]

    def rotate_sealing(self) -> KeyStatus:
        """Make a new sealing key, which seals after ``publish_before`` seconds.

        Old sealing keys stay until they are removed by hand: stored data is sealed with them.

        :raises KeyStoreError: if a key file is damaged or cannot be written.
        """
        with files.locked(self.directory):
            first = all(record.alg != SEALING for record in self._records())
            new = generate(SEALING, 0 if first else self.publish_before)
            files.write(self.directory, new)
        self._reload()
        return new.status(clock.now())

    def _records(self) -> list[KeyRecord]:
        loaded = files.load(self.directory, self._snapshot.files)
        return [file.record for file in loaded.values()]

    def _create_missing(self) -> None:
        with files.locked(self.directory):
            now = clock.now()
            # Kept, so that each file is imported once.
            self._snapshot = self._make_snapshot(files.load(self.directory, {}), now)
            present = {r.alg for r in self._snapshot.records if r.state(now) == "active"}
            for alg in (*self.algorithms, SEALING):
                if alg not in present:
                    files.write(self.directory, generate(alg))

    def _succeed(self, alg: str, records: list[KeyRecord]) -> KeyRecord:
        """Make a key, then set the end of the former ones, so that there is always a key."""
        now = clock.now()
        older = [r for r in records if r.alg == alg and r.state(now) in {"active", "published"}]
        wait = SETTLING_SECONDS if alg in ENCRYPTION_ALGORITHMS else self.publish_before
        new = generate(alg, wait if older else 0)
        files.write(self.directory, new)
        for record in older:
            # A key that another successor ends sooner keeps that end.
            end = max(new.active_from, record.active_from)
            end = end if record.retired_at is None else min(record.retired_at, end)
            expires_at = max(end + self.keep_after, record.expires_at or 0)
            ended = replace(record, retired_at=end, expires_at=expires_at)
            if ended != record:
                files.write(self.directory, ended, replace=True)
        return new

    def _current(self) -> Snapshot:
        age = time.monotonic() - self._looked_at
        # While one thread looks, the others use the former snapshot if it is not too old.
        if age >= WATCH_SECONDS and self._lock.acquire(blocking=age >= 2 * WATCH_SECONDS):
            try:
                self._follow()
            finally:
                self._lock.release()
        snapshot = self._snapshot
        if clock.now() >= snapshot.valid_until:
            with self._lock:
                snapshot = self._make_snapshot(self._snapshot.files, clock.now())
                self._snapshot = snapshot
        return snapshot

    def _follow(self) -> None:
        if time.monotonic() - self._looked_at < WATCH_SECONDS:
            return  # another thread has just looked
        try:
            known = {name: file.identity for name, file in self._snapshot.files.items()}
            if files.identities(self.directory) != known:
                self._load()
            self._reported = ""
        except KeyStoreError as problem:
            if self._reported != str(problem):
                self._reported = str(problem)
                log.error("The keys changed and cannot be used, so the former stay: %s", problem)
        finally:
            self._looked_at = time.monotonic()

    def _make_snapshot(self, loaded: Mapping[str, files.KeyFile], now: int) -> Snapshot:
        return make_snapshot(loaded, now, self.algorithms)

    def _reload(self) -> None:
        with self._lock:
            self._load()

    def _load(self) -> None:
        loaded = files.load(self.directory, self._snapshot.files)
        snapshot = self._make_snapshot(loaded, clock.now())
        missing = [alg for alg in self.algorithms if alg not in snapshot.active]
        if not snapshot.sealing:
            missing.append(f"sealing ({SEALING})")
        if missing:
            raise KeyStoreError(
                f"There is no active key in {self.directory} for {', '.join(missing)}: restore the "
                "keys, or make new ones with `oidcserver keys rotate INI`."
            )
        self._snapshot = snapshot
