"""The key directory: one JSON file for each key, mode 0600, written atomically.

A file holds the members of a :class:`~oidcserver.keys.records.KeyRecord`. Only the
holder of the directory's lock writes; readers need no lock.
"""

import fcntl
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import Key

from oidcserver.keys.records import KeyRecord, KeyStoreError, import_jwk, parse_record

#: Inode, time of change in nanoseconds, size: while they stay the same, so does the file.
Identity = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key file that was read and imported."""

    identity: Identity
    record: KeyRecord
    key: Key


def identities(directory: Path) -> dict[str, Identity]:
    """Return the key files of a directory by name; none if there is no directory.

    :raises KeyStoreError: if the directory cannot be read, or others may write to it.
    """
    found = {}
    try:
        if directory.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise KeyStoreError(
                f"Others may write to the key directory {directory}: `chmod 700 {directory}`."
            )
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.endswith(".json") and not entry.name.startswith("."):
                    try:
                        found[entry.name] = _identity(entry.stat())
                    except FileNotFoundError:
                        continue  # a rotation has just removed it
    except FileNotFoundError:
        return {}
    except OSError as problem:
        raise KeyStoreError(
            f"The key directory {directory} cannot be read ({problem.strerror}): it has to be a "
            "directory that the server may read."
        ) from None
    return found


def load(directory: Path, known: Mapping[str, KeyFile]) -> dict[str, KeyFile]:
    """Read the key files of a directory; known files that did not change are not read again.

    :raises KeyStoreError: if the directory or a file is open to others, unreadable or damaged.
    """
    loaded = {}
    for name, identity in sorted(identities(directory).items()):
        before = known.get(name)
        if before is not None and before.identity == identity:
            loaded[name] = before
            continue
        try:
            loaded[name] = _read(directory / name, before)
        except FileNotFoundError:
            continue  # a rotation removed it meanwhile
    return loaded


def write(directory: Path, record: KeyRecord, *, replace: bool = False) -> None:
    """Write a key file atomically, so that also after a loss of power it is whole or missing.

    The caller holds the lock.

    :param replace: whether to replace the file of this key.
    :raises KeyStoreError: if it cannot be written, or would replace another key.
    """
    path = directory / record.file_name
    if path.exists() and not replace:
        raise KeyStoreError(f"The key file {path} is there already: try again.")
    temporary = directory / f".{record.file_name}.{secrets.token_hex(4)}"
    try:
        with os.fdopen(_create(temporary, os.O_EXCL), "w", encoding="ascii") as file:
            json.dump(record.as_dict(), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync(directory)
    except OSError as problem:
        temporary.unlink(missing_ok=True)
        raise KeyStoreError(
            f"The key file {path} cannot be written ({problem.strerror}): the directory has to be "
            "writable by the user that makes or rotates keys."
        ) from None


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory's lock, so that two processes never make or rotate keys at once.

    A missing directory is created with mode 0700; its group loses the permission to write.

    :raises KeyStoreError: if that cannot be done.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = stat.S_IMODE(directory.stat().st_mode)
        if mode & stat.S_IWGRP and not mode & stat.S_IWOTH:
            directory.chmod(mode & ~stat.S_IWGRP)  # as git makes it under umask 002
        descriptor = _create(directory / ".lock")
    except OSError as problem:
        raise KeyStoreError(
            f"The key directory {directory} cannot be written to ({problem.strerror}): it has to "
            "belong to the user that makes or rotates keys."
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        for left_behind in directory.glob(".*.json.*"):
            left_behind.unlink()  # a writer that was killed left it: no other is at work now
        yield
    finally:
        os.close(descriptor)


def _read(path: Path, before: KeyFile | None) -> KeyFile:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read()
    except FileNotFoundError:
        raise
    except OSError as problem:
        raise KeyStoreError(
            f"The key file {path} cannot be read ({problem.strerror}): it has to belong to the "
            "user that the server runs as."
        ) from None
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyStoreError(f"The key file {path} is open to others: `chmod 600 {path}`.")
    try:
        record = parse_record(json.loads(content))
        if record.file_name != path.name:
            raise ValueError("The file has the name of another key.")
        same = before is not None and before.record.jwk == record.jwk
        key = before.key if before is not None and same else import_jwk(record)
    except (ValueError, RecursionError):
        raise KeyStoreError(
            f"The key file {path} is not a whole key: restore it from a backup, or remove it if "
            "nothing that it signed or sealed is needed any more."
        ) from None
    return KeyFile(_identity(status), record, key)


def _create(path: Path, flags: int = 0) -> int:
    """Open a file of mode 0600.

    A file that root creates is given to the directory's owner, so that the server can read it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o600)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _identity(status: os.stat_result) -> Identity:
    return (status.st_ino, status.st_ctime_ns, status.st_size)
