"""The costs of hashes that other systems made: their limits, and the times they took here.

The seconds are estimates for one core of a server of today; they decide which hashes are taken.
"""

import threading
from collections import deque

from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError

#: A shorter key would be guessed; an empty one is that of every password. PBKDF2 takes as often
#: as long as its key is longer than the digest, and no digest here has more than 64 bytes.
MIN_KEY, MAX_KEY = 16, 64
#: The memory of one hash, in bytes.
MAX_MEMORY = 256 << 20
MAX_PARALLELISM = 16
#: The estimated seconds of one verification.
MAX_SECONDS = 2.0
#: The size of a digest in bytes, and the seconds of an iteration for each digest of the key.
_PBKDF2 = {"sha1": (20, 0.28e-6), "sha256": (32, 0.24e-6), "sha512": (64, 0.85e-6)}
_BCRYPT_SECONDS = 85e-6
_SCRYPT_SECONDS_PER_BYTE = 4.0 / (1 << 30)
_ARGON2_SECONDS_PER_BYTE = 1.5 / (1 << 30)


def pbkdf2_seconds(digest: str, iterations: int, key_length: int) -> float:
    """Return the seconds of PBKDF2, which repeats its iterations for each digest of the key."""
    size, seconds = _PBKDF2[digest]
    return seconds * iterations * -(-key_length // size)


def bcrypt_seconds(cost: int) -> float:
    """Return the seconds of bcrypt; each further unit of the cost doubles them."""
    return _BCRYPT_SECONDS * float(1 << cost)


def scrypt_seconds(n: int, r: int, p: int) -> float:
    """Return the seconds of scrypt, by the bytes that it fills."""
    return _SCRYPT_SECONDS_PER_BYTE * 128 * n * r * p


def argon2_seconds(text: str) -> float:
    """Return the seconds of a hash of argon2, by the bytes that it fills.

    :param text: the hash in PHC string format.
    :raises ValueError: with a sentence, if it is damaged or costs too much.
    """
    try:
        found = extract_parameters(text)
    except (InvalidHashError, ValueError):
        raise ValueError("The hash of argon2 is damaged.") from None
    memory = found.memory_cost << 10
    seconds = _ARGON2_SECONDS_PER_BYTE * memory * found.time_cost
    if found.parallelism > MAX_PARALLELISM:
        raise ValueError(f"The parallelism of argon2 is at most {MAX_PARALLELISM}.")
    check_cost(seconds, found.hash_len, memory)
    return seconds


def check_cost(seconds: float, key_length: int, memory: int = 0) -> None:
    """Reject a hash that takes too long or too much memory, or whose key has another length.

    :raises ValueError: with a sentence.
    """
    if key_length < MIN_KEY:
        raise ValueError(f"The key of the hash has fewer than {MIN_KEY} bytes.")
    if key_length > MAX_KEY:
        raise ValueError(f"The key of the hash has more than {MAX_KEY} bytes.")
    if memory > MAX_MEMORY:
        raise ValueError(f"The hash takes more than {MAX_MEMORY >> 20} MiB.")
    if seconds > MAX_SECONDS:
        raise ValueError(f"A verification of the hash takes more than {MAX_SECONDS:.0f} seconds.")


class HashTimes:
    """The seconds that the last hashes of each cost took in this process."""

    #: A busy machine may take longer; a refusal does not wait for more.
    LONGEST = 2 * MAX_SECONDS

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._took: dict[float, deque[float]] = {}

    def note(self, cost: float, took: float) -> None:
        """Note how long a hash took; ``cost`` is the estimate, at most :data:`MAX_SECONDS`."""
        with self._lock:
            times = self._took.setdefault(round(cost, 2), deque(maxlen=16))
            times.append(min(took, self.LONGEST))

    def longest(self) -> float:
        """Return the seconds of the slowest of them; 0 before there was one."""
        with self._lock:
            return max((max(times) for times in self._took.values()), default=0.0)
