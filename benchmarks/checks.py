"""Checks that a server does the work before it is measured at it."""

import time

import requests
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey
from load import WrongAnswersError
from servers import Server


def check(server: Server, token_format: str) -> str:
    """Check discovery, the keys, a token of client_credentials and its introspection.

    :param token_format: "opaque" or "jwt". JWTs are verified with the server's keys; they are
        introspected too where the server issues nothing else.
    :returns: the format of the access token: "opaque" or its algorithm, as "RS256 JWT".
    :raises WrongAnswersError: if an answer is not right.
    """
    metadata = _get(server, "discovery")
    _require(server, metadata.get("issuer") == server.issuer, "discovery", metadata)
    keys = _get(server, "jwks")
    signing = [key for key in keys["keys"] if key["kty"] == "RSA" and key.get("use") == "sig"]
    sizes = {RSAKey.import_key(key).raw_value.key_size for key in signing}
    _require(server, sizes == {2048}, "JWKS", keys)
    token = server.token(client_id=server.service_id, grant_type="client_credentials")
    _require(server, token["token_type"].lower() == "bearer", "token", token)
    access_token = token["access_token"]
    algorithm = _algorithm(access_token)
    if algorithm is not None:
        _verify(server, access_token, {"keys": signing}, algorithm)
    if token_format == "jwt":
        _require(server, algorithm == "RS256", "the access token", token)
    if token_format == "opaque":
        alive = server.introspect(access_token, client_id=server.service_id)
        _require(server, alive.get("active") is True, "introspection", alive)
        unknown = server.introspect(access_token[::-1], client_id=server.service_id)
        _require(server, unknown.get("active") is False, "introspection", unknown)
    return f"{algorithm} JWT" if algorithm else "opaque"


def _get(server: Server, endpoint: str) -> dict:
    response = requests.get(server.base(endpoint) + server.paths[endpoint], timeout=30)
    response.raise_for_status()
    return response.json()


def _algorithm(token: str) -> str | None:
    """Return the algorithm of a signed JWT, None for anything else."""
    try:
        return jws.extract_compact(token.encode()).headers()["alg"]
    except (JoseError, ValueError):
        return None


def _verify(server: Server, token: str, keys: dict, algorithm: str) -> None:
    claims = jwt.decode(token, KeySet.import_key_set(keys), algorithms=[algorithm]).claims
    right = claims["iss"] == server.issuer and claims["exp"] > time.time()
    _require(server, right, "the access token", claims)


def _require(server: Server, right: bool, what: str, answer: object) -> None:
    if not right:
        raise WrongAnswersError(f"{server.name}, {what}: {answer}")
