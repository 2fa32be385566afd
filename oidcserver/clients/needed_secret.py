"""Decides whether a client has a secret, and whether the server must be able to read it."""

from collections.abc import Mapping
from typing import Any

#: RFC 7591 section 2 and RFC 8705 section 2; the method of a plugin may use a secret.
SECRETLESS_METHODS = frozenset(
    {"none", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"}
)
#: The members with the algorithms of documents that are signed for a client.
SIGNED = (
    "id_token_signed_response_alg",
    "userinfo_signed_response_alg",
    "authorization_signed_response_alg",
    "introspection_signed_response_alg",
)


def needs_secret(metadata: Mapping[str, Any]) -> bool:
    """Whether a client of this metadata has a secret."""
    method = metadata["token_endpoint_auth_method"]
    return method not in SECRETLESS_METHODS or needs_readable_secret(metadata)


def needs_readable_secret(metadata: Mapping[str, Any]) -> bool:
    """Whether the server must be able to read the secret, to compute with it."""
    by_secret = metadata["token_endpoint_auth_method"] == "client_secret_jwt"
    return by_secret or any(is_hmac(metadata.get(member, "")) for member in SIGNED)


def is_hmac(algorithm: str) -> bool:
    """Whether an algorithm signs with a secret (RFC 7518 section 3.2)."""
    return algorithm.startswith("HS")
