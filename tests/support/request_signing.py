"""Clients that send request objects (RFC 9101) such as a test wants them."""

from typing import Any

from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from support.app import Provider, RelyingParty
from support.assertions import Signer, encode

ALGORITHMS = ("RS256", "PS256", "ES256", "Ed25519", "EdDSA")


def make_private_keys() -> dict[str, Key]:
    """Return a key for each algorithm."""
    rsa = RSAKey.generate_key(2048)
    ec, okp = ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519")
    return {"RS256": rsa, "PS256": rsa, "ES256": ec, "Ed25519": okp, "EdDSA": okp}


def public(*keys: Key) -> dict[str, Any]:
    """Return the JWK Set that a client registers or publishes."""
    return {"keys": [key.as_dict(private=False) for key in keys]}


def unsigned(claims: Any, **header: Any) -> str:
    """Return an object that nobody signed; ``claims`` may be anything."""
    return f"{encode({'alg': 'none', **header})}.{encode(claims)}."


def register(
    provider: Provider, key: Key, alg: str = "ES256", **metadata: Any
) -> tuple[RelyingParty, Signer]:
    """Register a client that has this key; return it and what signs its objects."""
    client = provider.register(**{"jwks": public(key), **metadata})
    return client, Signer(client.client_id, alg, key, provider.issuer)
