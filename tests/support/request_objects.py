"""Request objects, and what is sent beside them (OpenID Connect Core section 6)."""

import json
from base64 import urlsafe_b64encode

from joserfc import jwt
from support.strict_relying_party import StrictRelyingParty

#: What has to stand beside a request object too (section 6.1).
OUTSIDE = ("client_id", "response_type", "scope", "redirect_uri")


def unsigned(parameters: dict[str, str], rp: StrictRelyingParty) -> str:
    """Return an unsecured request object (RFC 7519 section 6)."""
    claims = {**parameters, "iss": rp.client_id, "aud": rp.provider.issuer}
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def signed(parameters: dict[str, str], rp: StrictRelyingParty) -> str:
    """Return a request object that is signed with RS256."""
    claims = {**parameters, "iss": rp.client_id, "aud": rp.provider.issuer}
    return jwt.encode({"alg": "RS256", "kid": rp.key.kid}, claims, rp.key)


def outside(parameters: dict[str, str], **more: str) -> dict[str, str]:
    """Return what is sent beside a request object that has the rest."""
    return {**{name: parameters[name] for name in OUTSIDE}, **more}
