"""The keys of the provider, as protocols."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from joserfc.jwk import Key

Proven = TypeVar("Proven")


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """The public facts about a key. Times are seconds since the epoch; None is not yet set."""

    kid: str
    alg: str
    #: ``sig``, ``enc`` or ``seal``.
    kind: str
    #: ``published``, ``active``, ``retired`` or ``expired``.
    state: str
    created_at: int
    active_from: int
    retired_at: int | None
    expires_at: int | None


class Keys(Protocol):
    """The keys of the provider; :class:`oidcserver.keys.store.KeyStore` implements it."""

    @property
    def directory(self) -> Path:
        """The directory of the key files."""
        ...

    @property
    def algorithms(self) -> Sequence[str]:
        """The algorithms that there are keys for."""
        ...

    @property
    def etag(self) -> str:
        """A tag that changes with :meth:`jwks`."""
        ...

    @property
    def problem(self) -> str:
        """The reason why changed keys cannot be used, or nothing."""
        ...

    @property
    def sealing_keys(self) -> Mapping[str, bytes]:
        """The sealing keys by ``kid``; the first of them seals."""
        ...

    def signing_key(self, alg: str) -> Key:
        """Return the active key of an algorithm, with its ``kid``."""
        ...

    def find(self, kid: str) -> Key | None:
        """Return a key that verifies, or None."""
        ...

    def decryption_keys(self, alg: str) -> tuple[Key, ...]:
        """Return the keys that decrypt by an algorithm, the active one first."""
        ...

    def jwks(self) -> bytes:
        """Return the public JWK Set (RFC 7517 section 5) as JSON."""
        ...

    def prove(self, proof: Callable[..., Proven | None], *arguments: Any) -> Proven | None:
        """Return the result of a proof, which is cached until the keys change."""
        ...

    def status(self) -> list[KeyStatus]:
        """Return every key."""
        ...

    def rotate(self, algorithms: Iterable[str] | None = None) -> list[KeyStatus]:
        """Make new signing and encryption keys; return them."""
        ...

    def rotate_sealing(self) -> KeyStatus:
        """Make a new sealing key; return it."""
        ...


class Sealer(Protocol):
    """Encrypts and authenticates data for one purpose, and makes keyed digests."""

    def seal(self, data: bytes, aad: bytes = b"") -> str: ...

    def unseal(self, text: str, aad: bytes = b"") -> bytes | None: ...

    def digests(self, text: str) -> list[str]: ...
