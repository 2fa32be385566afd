"""Nonces of the server (RFC 9449 sections 8 and 9): the time of issue, sealed, and not stored."""

from oidcserver.types import Request

PURPOSE = "DPoP nonce"
LIFETIME = "oauth.dpop_nonce_lifetime"
#: Seconds by which the clock of the host that issued a nonce may be ahead.
SKEW = 60


def new_nonce(request: Request) -> str:
    """Return a nonce."""
    sealer = request.oidc.provider.sealer(PURPOSE)
    return sealer.seal(str(request.oidc.now).encode())


def is_recent(request: Request, nonce: str) -> bool:
    """Whether a text is a nonce of this provider that has not expired."""
    provider = request.oidc.provider
    issued = provider.sealer(PURPOSE).unseal(nonce)
    if issued is None:
        return False
    age = request.oidc.now - int(issued)
    return -SKEW <= age < int(provider.settings[LIFETIME])
