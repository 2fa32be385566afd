"""DPoP proofs (RFC 9449 section 4.3): the one verifier, for the provider and for resources.

It reads no database and no clock: the caller checks the nonce and uses the proof up.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from math import ceil
from typing import Any, NamedTuple

from joserfc.jwk import KeySet

from oidcserver.extensions.dpop.target import target_of
from oidcserver.keys.jwk_set import public_key_set
from oidcserver.keys.jwt import InvalidJWT, read_header, verify_client_jwt
from oidcserver.keys.strict_json import compact, parse_object

TYP = "dpop+jwt"
#: A proof with an RSA key of 8,192 bits has less than 5,000 characters.
MAX_PROOF = 8192


class InvalidProof(Exception):
    """A proof that is not accepted. The text has the reason, as a sentence that quotes no input.

    :param received: the values for the operator.
    """

    def __init__(self, reason: str, **received: Any) -> None:
        super().__init__(reason)
        self.received = received


@dataclass(frozen=True, slots=True)
class ProofRules:
    """The proofs that a server accepts."""

    #: All of them asymmetric.
    algorithms: tuple[str, ...]
    #: Seconds after its ``iat`` in which a proof is accepted.
    lifetime: int
    #: Seconds by which the clock of a client may be ahead.
    skew: int


class Proof(NamedTuple):
    """A proof of the possession of a key, for one request."""

    #: Of the key (RFC 7638), as in ``cnf`` and ``dpop_jkt``.
    thumbprint: str
    jti: str
    nonce: str | None
    #: The time until which the proof would be accepted again, in seconds since the epoch.
    expires_at: int


def verify_proof(
    text: str,
    rules: ProofRules,
    *,
    method: str,
    uris: Collection[str],
    now: int,
    access_token: str | None = None,
) -> Proof:
    """Return a proof whose signature and claims fit the request.

    :param text: the value of the header ``DPoP``.
    :param method: of the request.
    :param uris: the public URLs of the request; ``htu`` is one of them.
    :param now: seconds since the epoch.
    :param access_token: the token that the request presents; None at an authorization server.
    :raises InvalidProof: for any other text.
    """
    if "," in text:
        raise InvalidProof("There is more than one DPoP header.")
    try:
        header = read_header(text, MAX_PROOF)
        if header.get("typ") != TYP:
            raise InvalidProof("The typ is not dpop+jwt.")
        keys, thumbprint = _import_key(header)
        _, claims = verify_client_jwt(text, keys, rules.algorithms, MAX_PROOF)
    except InvalidJWT as problem:
        raise InvalidProof(f"The JWT is not accepted: {problem}.") from None
    jti, nonce = claims.get("jti"), claims.get("nonce")
    if not isinstance(jti, str) or not jti:
        raise InvalidProof("jti is missing or not text.")
    if nonce is not None and not isinstance(nonce, str):
        raise InvalidProof("nonce is not text.")
    if claims.get("htm") != method:
        raise InvalidProof("htm is not the method of the request.", method=method)
    _check_uri(claims.get("htu"), uris)
    _check_token(claims.get("ath"), access_token)
    return Proof(thumbprint, jti, nonce, _end(claims.get("iat"), rules, now))


def _import_key(header: dict[str, Any]) -> tuple[KeySet, str]:
    jwk = header.get("jwk")
    if not isinstance(jwk, dict):
        raise InvalidProof("The header has no jwk.")
    # The kid of the header need not be repeated in the key.
    return _import(compact({**jwk, "kid": header.get("kid", "")}))


@lru_cache(maxsize=1024)
def _import(document: str) -> tuple[KeySet, str]:
    """Return a public key and its thumbprint. A client sends the same key with each request."""
    try:
        keys = public_key_set({"keys": [parse_object(document.encode())]})
    except ValueError as problem:
        raise InvalidProof(f"The jwk is not accepted: {str(problem).rstrip('.')}.") from None
    return keys, keys.keys[0].thumbprint()


def _check_uri(htu: Any, uris: Collection[str]) -> None:
    claimed = target_of(htu) if isinstance(htu, str) else None
    if claimed is None:
        raise InvalidProof("htu is not an absolute http or https URI.")
    if all(claimed != target_of(uri) for uri in uris):
        raise InvalidProof("htu is not the URI of the request.", htu=htu, expected=list(uris))


def _check_token(ath: Any, access_token: str | None) -> None:
    if access_token is None:
        return
    digest = urlsafe_b64encode(sha256(access_token.encode()).digest()).rstrip(b"=")
    if not isinstance(ath, str) or not hmac.compare_digest(ath.encode(), digest):
        raise InvalidProof("ath is missing or not the hash of the access token.")


def _end(iat: Any, rules: ProofRules, now: int) -> int:
    """Return the time at which a proof expires; ``exp`` and ``nbf`` are not used."""
    if not isinstance(iat, int | float) or isinstance(iat, bool) or abs(iat) >= 2**53:
        raise InvalidProof("iat is missing or not a number of seconds.")
    if not now - rules.lifetime <= iat <= now + rules.skew:
        raise InvalidProof("iat is not recent.", seconds_ago=int(now - iat))
    return ceil(iat) + rules.lifetime
