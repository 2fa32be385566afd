"""What is said to a client as a JWT: signed, and encrypted, as it registered."""

from typing import Any

from joserfc.jwk import KeySet
from joserfc.util import json_b64encode

from oidcserver.clients.keys import read_client_keys
from oidcserver.clients.registration import read_client_secrets
from oidcserver.keys.jwe import encrypt
from oidcserver.keys.jwk_set import encryption_key
from oidcserver.keys.jwt import InvalidJWT, sign, sign_with_secret
from oidcserver.keys.strict_json import compact
from oidcserver.oauth.errors import Rejection
from oidcserver.types import Provider, Request

#: The algorithm of a JWT that nobody signed (RFC 7518 section 3.6).
UNSIGNED = "none"


def make_client_jwt(
    request: Request, client: Any, use: str, claims: dict[str, Any], *, typ: str | None = None
) -> str:
    """Sign claims for a client, then encrypt them, as it registered.

    :param use: ``id_token`` or ``userinfo``: the registered ``{use}_signed_response_alg``,
        ``{use}_encrypted_response_alg`` and ``{use}_encrypted_response_enc`` say how (OpenID
        Connect Registration section 2). Without the first the claims are encrypted as they are
        (Core section 5.3.2).
    :param typ: the type that the header of what is signed names; None: no type.
    :raises Rejection: if the client has no secret to sign with or no key to encrypt to.
    """
    alg = client.member(f"{use}_encrypted_response_alg")
    key = None if alg is None else demand_encryption_key(request, client, alg)
    algorithm = client.member(f"{use}_signed_response_alg")
    return protect(
        request.oidc.provider, client, use, claims, algorithm=algorithm, key=key, typ=typ
    )


def protect(
    provider: Provider,
    client: Any,
    use: str,
    claims: dict[str, Any],
    *,
    algorithm: str | None,
    key: Any,
    typ: str | None = None,
) -> str:
    """Sign claims and encrypt them, without a request.

    :param algorithm: by which they are signed; None: not at all.
    :param key: the client's, to which they are encrypted as it registered; None: not at all.
    :raises Rejection: if the client has no secret to sign with, or its key cannot be used.
    """
    if algorithm is None:
        content, cty = compact(claims), None
    else:
        content, cty = _sign(provider, client, algorithm, claims, typ), "JWT"
    if key is None:
        return content
    alg, enc = (client.member(f"{use}_encrypted_response_{name}") for name in ("alg", "enc"))
    try:
        return encrypt(content, key, alg, enc, cty=cty)
    except ValueError as problem:
        raise _impossible(
            client, f"The client's key cannot be used for {alg}.", reason=str(problem)
        ) from None


def demand_encryption_key(request: Request, client: Any, alg: str) -> Any:
    """Return the client's public key to encrypt to by an algorithm.

    Keys behind a ``jwks_uri`` are asked for once in a request, with no transaction open: what was
    done before is committed, and the rows that were read go on being those of the session.

    :raises Rejection: if the client has none, or they cannot be had.
    """
    known = request.oidc.client_key_sets
    if client.client_id not in known:
        known[client.client_id] = _read_keys(request, client)
    key = encryption_key(known[client.client_id], alg)
    if key is None:
        raise _impossible(client, f"The client has no key to encrypt to by {alg}.")
    return key


def signing_algorithms(provider: Provider) -> list[str]:
    """Return the algorithms by which a client may have something signed."""
    return [*provider.settings["oidc.signing_algs"], "HS256"]


def _read_keys(request: Request, client: Any) -> KeySet:
    try:
        with request.oidc.database.keeping_rows():
            return read_client_keys(request, client)
    except InvalidJWT as problem:
        reason = str(problem)
        raise _impossible(client, "The keys of the client cannot be had.", reason=reason) from None


def _sign(
    provider: Provider, client: Any, algorithm: str, claims: dict[str, Any], typ: str | None
) -> str:
    if algorithm == UNSIGNED:
        return f"{json_b64encode({'alg': UNSIGNED}).decode()}.{json_b64encode(claims).decode()}."
    if not algorithm.startswith("HS"):
        return sign(provider.keys, algorithm, claims, typ=typ)
    secrets = read_client_secrets(provider, client)
    if not secrets:
        raise _impossible(client, "The client has no secret to sign with that can be read.")
    return sign_with_secret(secrets[0], algorithm, claims, typ=typ)


def _impossible(client: Any, description: str, **received: Any) -> Rejection:
    """Return the refusal of what the client registered and made impossible since.

    No code of the standards says that. It is the client's to put right, so the status is 400.
    """
    return Rejection(
        "server_error",
        description,
        rule="OpenID Connect Core section 10",
        received={"client": client.client_id, **received},
    )
