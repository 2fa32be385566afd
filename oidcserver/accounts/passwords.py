"""Passwords: argon2id at the parameters of the OWASP ASVS, as many at once as there are cores.

A password is text. It is normalised to Unicode form NFKC before it is hashed, so that the same
password typed on another keyboard or system (composed or decomposed accents, full-width letters,
a no-break space) is the same password. RFC 8265's OpaqueString profile stops at NFC after mapping
other spaces to U+0020; NFKC, which NIST SP 800-63B section 5.1.1.2 names, includes nearly all of
that and the width forms that input methods produce. Case and every printable character count.
"""

import base64
import os
import secrets
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from oidcserver.accounts.foreign_hashes import foreign_hash
from oidcserver.accounts.hash_costs import HashTimes, argon2_seconds

#: The longest password, in bytes of UTF-8.
MAX_PASSWORD_BYTES = 4096

#: Seconds that a call waits for its turn before it raises :class:`Busy`.
DEFAULT_WAIT = 2.0

_HASHER = PasswordHasher(
    time_cost=2, memory_cost=19456, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
)


def _unpadded(length: int) -> str:
    return base64.b64encode(secrets.token_bytes(length)).decode("ascii").rstrip("=")


# Random bytes in the place of a hash: nobody knows a password for it, and it costs the same.
_DUMMY_HASH = (
    f"$argon2id$v=19$m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    f"${_unpadded(_HASHER.salt_len)}${_unpadded(_HASHER.hash_len)}"
)

_OWN = f"{_DUMMY_HASH.rsplit('$', 2)[0]}$"
# How long the hashes of other systems take here: a wrong password takes at least as long.
_foreign_times = HashTimes()

# Each hash takes a core and 19 MiB. More at once than cores would only slow every other request.
_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_turns = threading.BoundedSemaphore(_CORES)
# In threads of its own: each thread that hashes keeps its 19 MiB in glibc's arenas for good.
_hashing = ThreadPoolExecutor(_CORES, "password")


class Busy(Exception):
    """Every core hashes a password already: answer 503 with ``Retry-After: retry_after``."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many passwords are being checked at this moment.")
        #: Seconds that the user should wait.
        self.retry_after = retry_after


def hash_password(password: str, *, wait: float = DEFAULT_WAIT) -> str:
    """Return the argon2id hash of a new password, in PHC string format (RFC 9106).

    :param wait: seconds to wait for a free core.
    :raises ValueError: for an empty password, one over 4096 bytes of UTF-8, or one with a NUL.
    :raises Busy: when no core became free in time.
    """
    prepared = _prepare(password)
    with _turn(wait):
        return _hashing.submit(_HASHER.hash, prepared).result()


def verify_password(password: str, stored: str | None, *, wait: float = DEFAULT_WAIT) -> bool:
    """Tell whether the password is the one that ``stored`` was made from.

    ``None`` (no such user, or one without a password) and a text that is no hash cost as much as a
    wrong password and are always false. A password that :func:`hash_password` rejects is false at
    once, for any user. The hash of an imported user
    (:mod:`oidcserver.accounts.foreign_hashes`) costs what the other system chose. Once one was
    verified in this process, false takes at least as long as the slowest of these hashes, so the
    time does not tell which names exist.

    :param wait: seconds to wait for a free core.
    :raises Busy: when no core became free in time.
    """
    try:
        prepared = _prepare(password)
    except ValueError:
        return False
    try:
        check, cost = _check(password, prepared, stored or _DUMMY_HASH)
    except ValueError:
        check, cost = _check(password, prepared, _DUMMY_HASH)
    with _turn(wait):
        started = time.monotonic()
        right = _hashing.submit(check).result()
        took = time.monotonic() - started
    if cost is not None:
        _foreign_times.note(cost, took)
    if not right:  # without a core
        time.sleep(max(0.0, _foreign_times.longest() - took))
    return right


def _check(password: str, prepared: bytes, stored: str) -> tuple[Callable[[], bool], float | None]:
    """Return the check of a password, and its cost unless that is the one of our own hashes.

    :raises ValueError: if the text is no hash, or one that costs too much.
    """
    if stored.startswith("$argon2"):
        cost = argon2_seconds(stored)
        return lambda: _is_argon2(stored, prepared), None if stored.startswith(_OWN) else cost
    foreign = foreign_hash(stored)
    # Other systems do not normalise.
    return lambda: foreign.verify(password.encode()), foreign.seconds


def _is_argon2(stored: str, prepared: bytes) -> bool:
    try:
        return _HASHER.verify(stored, prepared)
    except (InvalidHashError, VerificationError):
        return False


def needs_rehash(stored: str) -> bool:
    """Tell whether a hash was made otherwise than here: hash again at the next right login."""
    return not stored.startswith("$argon2") or _HASHER.check_needs_rehash(stored)


def _prepare(password: str) -> bytes:
    try:
        given = password.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("A password must be valid Unicode text.") from None
    if not given:
        raise ValueError("A password must not be empty.")
    if len(given) > MAX_PASSWORD_BYTES:
        raise ValueError(f"A password must not be longer than {MAX_PASSWORD_BYTES} bytes.")
    if b"\0" in given:
        raise ValueError("A password must not contain a NUL character.")
    return unicodedata.normalize("NFKC", password).encode("utf-8")


@contextmanager
def _turn(wait: float) -> Iterator[None]:
    if not _turns.acquire(timeout=wait):
        raise Busy(retry_after=max(1, round(wait)))
    try:
        yield
    finally:
        _turns.release()
