"""JSON Web Tokens, signed and verified (RFC 7519, RFC 8725)."""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import Key, KeySet, OctKey, RSAKey
from joserfc.jws import JWSAlgModel, JWSRegistry
from joserfc.util import urlsafe_b64decode

from oidcserver.interfaces.keys import Keys
from oidcserver.keys.records import RSA_BITS
from oidcserver.keys.strict_json import compact, parse_object

#: The positions of the parts of a JWT.
HEADER, CLAIMS = 0, 1
#: RFC 7519 section 4.1.
REGISTERED_CLAIMS = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})
#: The longest JWT of another party.
MAX_TOKEN_BYTES = 16384
#: The longest JWT that we sign: its claims may hold long lists. It is the limit of a request.
MAX_OWN_TOKEN_BYTES = 65536
MAX_HEADER_BYTES = 4096
#: The algorithms by which a client may sign with a private key. EdDSA is the former name of
#: Ed25519, which RFC 9864 deprecates; it could also mean Ed448, which is not accepted.
CLIENT_ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519", "EdDSA")
SECRET_ALGORITHMS = ("HS256", "HS384", "HS512")
#: The kty of the keys of each algorithm, and their curve.
_KEY_TYPES = {
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "Ed25519": ("OKP", "Ed25519"),
    "EdDSA": ("OKP", "Ed25519"),
}
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_UNSECURED = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.")
#: Header members that compress the JWT or require an extension (RFC 7515 section 4.1.11); none is
#: supported. Members with a key of the sender's choice (jwk, jku, x5c, x5u; RFC 8725 section 3.10)
#: are ignored like all others: only registered keys are used.
_REJECTED_HEADERS = frozenset({"zip", "crit", "b64"})
#: The number of keys of a client that are tried if the header has no kid. OpenID Connect Core
#: section 10.1 requires a kid if there are two or more.
MAX_CANDIDATES = 4
_HALF_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


class _Registry(JWSRegistry):
    max_header_length = MAX_HEADER_BYTES
    max_payload_length = MAX_OWN_TOKEN_BYTES

    def get_alg(self, name: str) -> JWSAlgModel:
        # joserfc warns about the name EdDSA, but clients still use it.
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


_REGISTRY = _Registry(
    algorithms=[*CLIENT_ALGORITHMS, *SECRET_ALGORITHMS], strict_check_header=False
)


class InvalidJWT(Exception):
    """A JWT that is not accepted. The text has the reason, for the log; it quotes no input."""


def sign(keys: Keys, alg: str, claims: Mapping[str, Any], *, typ: str | None = None) -> str:
    """Sign claims with the active key of an algorithm; the header has its ``kid``."""
    key = keys.signing_key(alg)
    header = {"alg": alg, "kid": key.kid}
    return _serialize({**header, "typ": typ} if typ else header, claims, key)


def sign_with_key(key: Key, alg: str, claims: Mapping[str, Any]) -> str:
    """Sign claims with a private key of a client; the header has its ``kid``, if it has one."""
    header = {"alg": alg, "kid": key.kid} if key.kid else {"alg": alg}
    return _serialize(header, claims, key)


def sign_with_secret(
    secret: str, alg: str, claims: Mapping[str, Any], *, typ: str | None = None
) -> str:
    """Sign claims with a client's secret (OpenID Connect Core section 10.1)."""
    header = {"alg": alg, "typ": typ} if typ else {"alg": alg}
    return _serialize(header, claims, OctKey.import_key(secret))


def verify_own(keys: Keys, token: str, *, typ: str | None = None) -> dict[str, Any] | None:
    """Return the claims of a JWT that we signed with a published key, or None.

    Times are not checked.

    :param typ: the type that the header must have (RFC 8725 section 3.11); None: it has none.
    """
    try:
        header = read_header(token, MAX_OWN_TOKEN_BYTES)
        key = keys.find(header.get("kid", ""))
        if key is None or header.get("typ") != typ or header["alg"] != key.alg:
            return None
        return _verify(token, key)
    except InvalidJWT:
        return None


def verify_client_jwt(
    token: str,
    keys: KeySet | OctKey,
    algorithms: Iterable[str],
    max_bytes: int = MAX_TOKEN_BYTES,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a JWT that a client signed. Times are not checked.

    :param keys: the client's registered public keys, or its secret.
    :param algorithms: the accepted algorithms; at least one.
    :raises InvalidJWT: if the signature is wrong or the JWT is malformed.
    """
    allowed = list(algorithms)
    if not allowed:
        raise InvalidJWT("no algorithm is allowed")
    header = read_header(token, max_bytes)
    if header["alg"] not in allowed:
        raise InvalidJWT("the algorithm is not allowed")
    candidates = _candidates(keys, header)
    if len(candidates) > MAX_CANDIDATES:
        raise InvalidJWT(f"more than {MAX_CANDIDATES} registered keys fit, and no kid selects one")
    reason = "no registered key fits"
    for key in candidates:
        try:
            return header, _verify(token, key)
        except InvalidJWT as problem:
            reason = str(problem)
    raise InvalidJWT(reason)


def read_header(token: str, max_bytes: int = MAX_TOKEN_BYTES) -> dict[str, Any]:
    """Return the header of a signed JWT of acceptable size; nothing in it is verified.

    :raises InvalidJWT: if it is not a signed JWT.
    """
    return _parse_header(_segments(token, _COMPACT, "a signed JWT", max_bytes)[1])


def read_unverified(token: str, part: int, max_bytes: int = MAX_TOKEN_BYTES) -> dict[str, Any]:
    """Return the content of a part of a signed JWT; nothing in it is verified.

    :param part: :data:`HEADER` or :data:`CLAIMS`.
    :raises ValueError: if it cannot be read.
    """
    parts = token.split(".", 3)
    if len(token) > max_bytes or len(parts) != 3:
        raise ValueError("it is not a signed JWT of acceptable size")
    return parse_object(urlsafe_b64decode(parts[part].encode()))


def read_unsecured_jwt(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of an unsecured JWT (RFC 7519 section 6).

    :raises InvalidJWT: if it has a signature or an ``alg`` other than ``none``.
    """
    segments = _segments(token, _UNSECURED, "an unsecured JWT")
    header = _parse_header(segments[1])
    if header["alg"] != "none":
        raise InvalidJWT("the signature is missing")
    try:
        return header, parse_object(urlsafe_b64decode(segments[2].encode()))
    except ValueError as problem:
        raise InvalidJWT(f"the claims are malformed: {problem}") from None


def half_hash(value: str, alg: str) -> str:
    """Return ``at_hash`` or ``c_hash`` (OpenID Connect Core section 3.1.3.6).

    Ed25519 signs with SHA-512, so its half hash uses that.

    :raises KeyError: for an algorithm whose name does not end with a hash.
    """
    algorithm = hashlib.sha512 if alg in {"EdDSA", "Ed25519"} else _HALF_HASHES[alg[-3:]]
    full = algorithm(value.encode()).digest()
    return urlsafe_b64encode(full[: len(full) // 2]).rstrip(b"=").decode()


def _serialize(header: dict[str, Any], claims: Mapping[str, Any], key: Key) -> str:
    return jws.serialize_compact(header, compact(claims), key, registry=_REGISTRY)


def _segments(
    token: str, form: re.Pattern[str], name: str, max_bytes: int = MAX_TOKEN_BYTES
) -> re.Match[str]:
    if len(token) > max_bytes:
        raise InvalidJWT("it is too long")
    segments = form.fullmatch(token)
    if segments is None:
        raise InvalidJWT(f"it is not {name}")
    return segments


def _parse_header(segment: str) -> dict[str, Any]:
    if len(segment) > MAX_HEADER_BYTES:
        raise InvalidJWT("the header is too long")
    try:
        header = parse_object(urlsafe_b64decode(segment.encode()))
    except ValueError as problem:
        raise InvalidJWT(f"the header is malformed: {problem}") from None
    if not all(isinstance(header.get(name, ""), str) for name in ("alg", "kid", "typ")):
        raise InvalidJWT("a member of the header is not text")
    if "alg" not in header or _REJECTED_HEADERS.intersection(header):
        raise InvalidJWT("the header lacks alg or holds a member that is not accepted")
    return header


def _candidates(keys: KeySet | OctKey, header: dict[str, Any]) -> list[Key]:
    """Return the keys that may have signed: the key with the kid, or all suitable keys.

    Public keys never verify an HMAC, and a secret verifies nothing else (RFC 8725 section 3.1).
    joserfc checks the key's own key_ops.
    """
    alg = header["alg"]
    if isinstance(keys, OctKey):
        return [keys] if alg in SECRET_ALGORITHMS else []
    kty, curve = _KEY_TYPES.get(alg, (None, None))
    return [
        key
        for key in keys
        if key.key_type == kty
        and key.get("crv") == curve
        and key.get("use", "sig") == "sig"
        and key.get("alg", alg) == alg
        and header.get("kid", key.kid) == key.kid
    ]


def _verify(token: str, key: Key) -> dict[str, Any]:
    if isinstance(key, RSAKey) and key.public_key.key_size < RSA_BITS:
        raise InvalidJWT(f"the RSA key is shorter than {RSA_BITS} bits")
    try:
        signed = jws.deserialize_compact(token, key, registry=_REGISTRY)
    except (JoseError, ValueError):
        raise InvalidJWT("the signature does not fit") from None
    try:
        return parse_object(signed.payload)
    except ValueError as problem:
        raise InvalidJWT(f"the claims are malformed: {problem}") from None
