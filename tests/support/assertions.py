"""Client assertions (RFC 7523), right ones and such as a test wants them."""

import json
import secrets
from base64 import urlsafe_b64encode
from typing import Any

from joserfc import jws
from joserfc.jwk import Key

from oidcserver import clock

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def encode(part: Any) -> str:
    """Return a part of a JWT; text and bytes stand for themselves."""
    text = part if isinstance(part, str | bytes) else json.dumps(part)
    raw = text.encode() if isinstance(text, str) else text
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


class Signer:
    """A client that makes assertions."""

    def __init__(self, client_id: str, alg: str, key: Key, audience: str) -> None:
        self.client_id = client_id
        self.alg = alg
        self.key = key
        self.audience = audience

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a new assertion; ``...`` takes one out."""
        now = clock.now()
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.audience,
            "exp": now + 60,
            "iat": now,
            "jti": secrets.token_urlsafe(8),
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not ...}

    def sign(self, claims: Any, **header: Any) -> str:
        """Return the claims, or what stands in their place, signed; ``header`` adds members."""
        signed = f"{encode({'alg': self.alg, **header})}.{encode(claims)}"
        signature = jws.JWSRegistry.algorithms[self.alg].sign(signed.encode(), self.key)
        return f"{signed}.{encode(signature)}"

    def assertion(self, **changes: Any) -> str:
        """Return a signed assertion with these changes of the claims."""
        return self.sign(self.claims(**changes))

    def form(self, assertion: str | None = None, **changes: str) -> dict[str, str]:
        """Return the parameters that carry an assertion, by default a new one."""
        return {
            "client_assertion_type": JWT_BEARER,
            "client_assertion": self.assertion() if assertion is None else assertion,
            **changes,
        }
