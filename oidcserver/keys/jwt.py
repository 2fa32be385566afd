"""JSON Web Tokens, signed and verified (RFC 7519, RFC 8725)."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import Key, KeySet, OctKey, RSAKey
from joserfc.jws import JWSAlgModel, JWSRegistry

from oidcserver.keys.store import KeyStore

MAX_TOKEN_BYTES = 16384
MAX_NESTING = 16
#: Algorithms by which a client may sign, of those that joserfc knows.
CLIENT_ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
SECRET_ALGORITHMS = ("HS256", "HS384", "HS512")
_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP", "HS": "oct"}
#: Headers that bring a key of the sender's choice (RFC 8725 section 3.10), or compress.
_REFUSED_HEADERS = frozenset({"jwk", "jku", "x5u", "x5c", "zip"})
_HALF_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


class _Registry(JWSRegistry):
    max_header_length = 4096  # an RSA key in the header of a DPoP proof exceeds the default
    max_payload_length = MAX_TOKEN_BYTES

    def get_alg(self, name: str) -> JWSAlgModel:
        # joserfc warns of the name EdDSA, which RFC 9864 deprecates and registrations still use.
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


_REGISTRY = _Registry(
    algorithms=[*CLIENT_ALGORITHMS, *SECRET_ALGORITHMS], strict_check_header=False
)


class InvalidJWT(Exception):
    """A JWT that is not accepted. Its text says why, for the log; it quotes no input."""


def sign(keys: KeyStore, alg: str, claims: Mapping[str, Any], *, typ: str | None = None) -> str:
    """Sign claims with the active key of an algorithm, named in the header."""
    key = keys.signing_key(alg)
    header = {"alg": alg, "kid": key.kid}
    return _serialize({**header, "typ": typ} if typ else header, claims, key)


def sign_with_secret(secret: str, alg: str, claims: Mapping[str, Any]) -> str:
    """Sign claims with a client's secret (OpenID Connect Core section 10.1)."""
    return _serialize({"alg": alg}, claims, OctKey.import_key(secret))


def verify_own(keys: KeyStore, token: str, *, typ: str | None = None) -> dict[str, Any] | None:
    """Return the claims of a JWT that we signed with a published key, or None.

    Times are not checked.

    :param typ: the type that the header has to name (RFC 8725 section 3.11).
    """
    try:
        header = _header(token)
        key = keys.find(header.get("kid", ""))
        if key is None or header.get("typ") != typ or header["alg"] != key.alg:
            return None
        return _verify(token, key)
    except InvalidJWT:
        return None


def verify_client_jwt(
    token: str, keys: KeySet | OctKey, algorithms: Iterable[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a JWT that a client signed. Times are not checked.

    :param keys: the client's registered public keys, or its secret.
    :param algorithms: those that are accepted; at least one.
    :raises InvalidJWT: if the signature or the form is not right.
    """
    allowed = list(algorithms)
    if not allowed:
        raise InvalidJWT("no algorithm is allowed")
    header = _header(token)
    alg = header["alg"]
    if alg not in allowed or alg not in (*CLIENT_ALGORITHMS, *SECRET_ALGORITHMS):
        raise InvalidJWT("the algorithm is not allowed")
    candidates = [keys] if isinstance(keys, OctKey) else _candidates(keys, header)
    for key in candidates:
        try:
            return header, _verify(token, key)
        except InvalidJWT as problem:
            reason = str(problem)
    raise InvalidJWT(reason if candidates else "no registered key fits")


def half_hash(value: str, alg: str) -> str:
    """Return ``at_hash`` or ``c_hash`` (OpenID Connect Core section 3.1.3.6).

    Ed25519 signs with SHA-512, so its half hash is of that.
    """
    algorithm = hashlib.sha512 if alg in {"EdDSA", "Ed25519"} else _HALF_HASHES[alg[-3:]]
    full = algorithm(value.encode()).digest()
    return urlsafe_b64encode(full[: len(full) // 2]).rstrip(b"=").decode()


def _serialize(header: dict[str, Any], claims: Mapping[str, Any], key: Key) -> str:
    payload = json.dumps(claims, separators=(",", ":"))
    return jws.serialize_compact(header, payload, key, registry=_REGISTRY)


def _header(token: str) -> dict[str, Any]:
    if not token.isascii() or len(token) > MAX_TOKEN_BYTES or token.count(".") != 2:
        raise InvalidJWT("not a signed JWT of acceptable size")
    try:
        obj = jws.extract_compact(token.encode(), registry=_REGISTRY)
    except (JoseError, ValueError, RecursionError):
        raise InvalidJWT("malformed") from None
    header: dict[str, Any] = obj.headers()
    if _REFUSED_HEADERS.intersection(header) or "crit" in header:
        raise InvalidJWT("the header holds a member that is not accepted")
    if not all(isinstance(header.get(name, ""), str) for name in ("alg", "kid", "typ")):
        raise InvalidJWT("malformed")
    return header


def _candidates(keys: KeySet, header: dict[str, Any]) -> list[Key]:
    """The keys that may have signed: by kid where it is named, else all of the right type."""
    kty = _KEY_TYPES[header["alg"][:2]]
    fitting = [
        key
        for key in keys
        if key.key_type == kty
        and key.get("use", "sig") == "sig"
        and key.get("alg", header["alg"]) == header["alg"]
    ]
    if "kid" in header:
        return [key for key in fitting if key.kid == header["kid"]]
    return fitting


def _verify(token: str, key: Key) -> dict[str, Any]:
    if isinstance(key, RSAKey) and key.raw_value.key_size < 2048:
        raise InvalidJWT("the RSA key is shorter than 2048 bits")
    try:
        obj = jws.deserialize_compact(token, key, registry=_REGISTRY)
    except (JoseError, ValueError, TypeError):
        raise InvalidJWT("the signature does not fit") from None
    if _nesting(obj.payload) > MAX_NESTING:
        raise InvalidJWT("the claims are nested too deeply")
    try:
        claims = json.loads(obj.payload)
    except (ValueError, RecursionError):
        raise InvalidJWT("the claims are not JSON") from None
    if not isinstance(claims, dict):
        raise InvalidJWT("the claims are not an object")
    return claims


def _nesting(payload: bytes) -> int:
    """Bound the depth from above by counting brackets, without parsing."""
    depth = deepest = 0
    for byte in payload:
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest
