"""Clients that have a key for DPoP (RFC 9449), and the proofs that a test wants of them."""

import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from support.app import RelyingParty
from support.assertions import encode

from oidcserver import clock

ALGORITHMS = ("ES256", "PS256", "Ed25519", "EdDSA", "RS256")


def make_key(alg: str) -> Key:
    """Return a new private key for an algorithm."""
    if alg in {"PS256", "RS256"}:
        return RSAKey.generate_key(2048)
    return ECKey.generate_key("P-256") if alg == "ES256" else OKPKey.generate_key("Ed25519")


class ProofKey:
    """A key of a client, which makes proofs."""

    def __init__(self, alg: str = "ES256", key: Key | None = None) -> None:
        self.alg = alg
        self.key = key or make_key(alg)

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key."""
        jwk: dict[str, Any] = self.key.as_dict(private=False)
        jwk.pop("kid", None)
        return jwk

    @property
    def thumbprint(self) -> str:
        """The thumbprint of the key."""
        thumbprint: str = self.key.thumbprint()
        return thumbprint

    def claims(
        self, method: str, uri: str, *, token: str | None = None, **changes: Any
    ) -> dict[str, Any]:
        """Return the claims of a new proof; ``...`` takes one out."""
        claims = {
            "jti": secrets.token_urlsafe(12),
            "htm": method,
            "htu": uri,
            "iat": clock.now(),
            "ath": ... if token is None else hash_of(token),
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not ...}

    def sign(self, claims: Any, **header: Any) -> str:
        """Return claims, or what stands in their place, signed; ``...`` takes a member out."""
        members = {"typ": "dpop+jwt", "alg": self.alg, "jwk": self.jwk, **header}
        kept = {name: value for name, value in members.items() if value is not ...}
        signed = f"{encode(kept)}.{encode(claims)}"
        signature = jws.JWSRegistry.algorithms[self.alg].sign(signed.encode(), self.key)
        return f"{signed}.{encode(signature)}"

    def proof(self, method: str, uri: str, *, token: str | None = None, **changes: Any) -> str:
        """Return a new proof with these changes of its claims."""
        return self.sign(self.claims(method, uri, token=token, **changes))

    def for_token(self, client: RelyingParty, **changes: Any) -> dict[str, str]:
        """Return the headers of a token request of a client."""
        proof = self.proof("POST", f"{client.provider.issuer}/oauth/token", **changes)
        return with_proof(client, proof)

    def for_resource(
        self, uri: str, token: str, *, method: str = "GET", **changes: Any
    ) -> dict[str, str]:
        """Return the headers of a request to a resource."""
        proof = self.proof(method, uri, token=token, **changes)
        return {"Authorization": f"DPoP {token}", "DPoP": proof}


def with_proof(client: RelyingParty, proof: str) -> dict[str, str]:
    """Return the headers of a token request with this proof."""
    secret = client.client.token_endpoint_auth_method == "client_secret_basic"
    return {**(client.basic() if secret else {}), "DPoP": proof}


def hash_of(token: str) -> str:
    """Return ``ath`` of an access token."""
    return urlsafe_b64encode(sha256(token.encode()).digest()).rstrip(b"=").decode()
