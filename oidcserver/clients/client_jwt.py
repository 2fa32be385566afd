"""JWTs for a client, signed and encrypted as the client registered."""

from collections.abc import Mapping
from typing import Any

from joserfc.jwk import Key, KeySet
from joserfc.util import json_b64encode

from oidcserver.clients.keys import read_client_keys
from oidcserver.clients.needed_secret import SECRETLESS_METHODS
from oidcserver.clients.registration import read_client_secrets
from oidcserver.keys.jwe import encrypt
from oidcserver.keys.jwk_set import encryption_key
from oidcserver.keys.jwt import InvalidJWT, sign, sign_with_secret
from oidcserver.keys.strict_json import compact
from oidcserver.models import RegisteredClient
from oidcserver.oauth.errors import Rejection
from oidcserver.types import Provider, Request

#: The algorithm of an unsigned JWT (RFC 7518 section 3.6).
UNSIGNED = "none"


def make_client_jwt(
    request: Request,
    client: RegisteredClient,
    use: str,
    claims: dict[str, Any],
    *,
    typ: str | None = None,
    default: str | None = None,
) -> str:
    """Sign claims for a client, then encrypt them, as the client registered.

    :param use: such as ``id_token`` or ``userinfo``, for the registered
        ``{use}_signed_response_alg``, ``{use}_encrypted_response_alg`` and
        ``{use}_encrypted_response_enc`` (OpenID Connect Registration section 2).
    :param typ: the ``typ`` in the header of the signed JWT; None for no ``typ``.
    :param default: the algorithm if the client registered none. Without one, the claims are then
        encrypted unsigned (OpenID Connect Core section 5.3.2).
    :raises Rejection: if the client has no secret to sign with or no key to encrypt to.
    """
    alg = client.member(f"{use}_encrypted_response_alg")
    key = None if alg is None else require_encryption_key(request, client, alg)
    algorithm = client.member(f"{use}_signed_response_alg") or default
    return protect(
        request.oidc.provider, client, use, claims, algorithm=algorithm, key=key, typ=typ
    )


def protect(
    provider: Provider,
    client: RegisteredClient,
    use: str,
    claims: dict[str, Any],
    *,
    algorithm: str | None,
    key: Key | None,
    typ: str | None = None,
) -> str:
    """Sign claims and encrypt them, without a request.

    :param algorithm: the algorithm of the signature; None: not signed.
    :param key: the client's key for the encryption that it registered; None: not encrypted.
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


def require_encryption_key(request: Request, client: RegisteredClient, alg: str) -> Key:
    """Return the client's public key for encryption with an algorithm.

    Keys at a ``jwks_uri`` are fetched once in a request, with no transaction open: the fetch
    commits the transaction, and the rows that were read stay usable.

    :raises Rejection: if the client has no such key, or its keys cannot be fetched.
    """
    known = request.oidc.client_key_sets
    if client.client_id not in known:
        known[client.client_id] = _read_keys(request, client)
    key = encryption_key(known[client.client_id], alg)
    if key is None:
        raise _impossible(client, f"The client has no key for encryption with {alg}.")
    return key


def signing_algorithms(provider: Provider) -> list[str]:
    """Return the algorithms that a client may register for signed responses.

    HS256 is one of them where clients have secrets.
    """
    by_secret = set(provider.client_authentication_methods) - SECRETLESS_METHODS
    return [*provider.settings["oidc.signing_algs"], *(["HS256"] if by_secret else [])]


def encryption_algorithms(provider: Provider) -> tuple[str, ...]:
    """Return the ``alg`` values for responses to clients."""
    algorithms: tuple[str, ...] = provider.settings["oidc.encryption_algs"]
    return algorithms


def encryption_encodings(provider: Provider) -> tuple[str, ...]:
    """Return the ``enc`` values that go with :func:`encryption_algorithms`."""
    encodings: tuple[str, ...] = provider.settings["oidc.encryption_encs"]
    return encodings if encryption_algorithms(provider) else ()


def default_signing_algorithm(settings: Mapping[str, Any]) -> str:
    """Return the standards' default, RS256, or the first algorithm where that is not selected.

    :param settings: those of the provider, or those for a client.
    """
    selected: tuple[str, ...] = settings["oidc.signing_algs"]
    return "RS256" if "RS256" in selected else selected[0]


def _read_keys(request: Request, client: Any) -> KeySet:
    try:
        with request.oidc.database.keeping_rows():
            return read_client_keys(request, client)
    except InvalidJWT as problem:
        reason = str(problem)
        raise _impossible(
            client, "The keys of the client cannot be fetched.", reason=reason
        ) from None


def _sign(
    provider: Provider,
    client: RegisteredClient,
    algorithm: str,
    claims: dict[str, Any],
    typ: str | None,
) -> str:
    if algorithm == UNSIGNED:
        if not provider.settings["oidc.unsigned_id_tokens"]:
            raise _impossible(client, "The client registered unsigned ID tokens.")
        return f"{json_b64encode({'alg': UNSIGNED}).decode()}.{json_b64encode(claims).decode()}."
    if not algorithm.startswith("HS"):
        return sign(provider.keys, algorithm, claims, typ=typ)
    secrets = read_client_secrets(provider, client)
    if not secrets:
        raise _impossible(client, "The client has no readable secret to sign with.")
    return sign_with_secret(secrets[0], algorithm, claims, typ=typ)


def _impossible(client: RegisteredClient, description: str, **received: Any) -> Rejection:
    """Return the rejection if the registered protection is no longer possible.

    The standards have no error code for this. Only the client can correct it, so the status is 400.
    """
    return Rejection(
        "server_error",
        description,
        rule="OpenID Connect Core section 10",
        received={"client": client.client_id, **received},
    )
