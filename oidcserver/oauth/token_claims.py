"""The claims about a user in access tokens and introspection responses, beside their own."""

from collections.abc import Mapping
from typing import Any

#: The names in a token or its introspection that are not claims about the user (RFC 9068 section
#: 2.2, RFC 7662 section 2.2).
OWN_NAMES = frozenset(
    {
        "iss", "sub", "aud", "client_id", "jti", "iat", "nbf", "exp", "scope", "authorization_id",
        "cnf", "auth_time", "acr", "authorization_details", "act", "active", "token_type",
        "username",
    }
)  # fmt: skip


def claims_about_user(claims: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the claims about the user in a token or an introspection response."""
    return {name: claims[name] for name in claims if name not in OWN_NAMES} or None
