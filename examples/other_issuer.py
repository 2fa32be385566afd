"""Another issuer, whose assertions a provider may trust (RFC 7523, and ID-JAG).

``python other_issuer.py jwks`` prints its JWK Set; ``jwt USER AUDIENCE`` and
``id-jag USER AUDIENCE CLIENT_ID`` print an assertion. Its key is the file ``other-issuer.pem``,
which it makes.
"""

import secrets
import sys
import time
from json import dumps
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey

ISSUER = "https://idp.example.com"
KEY = Path("other-issuer.pem")
#: The ``typ`` of an Identity Assertion JWT Authorization Grant.
ID_JAG = "oauth-id-jag+jwt"


def read_key() -> ECKey:
    """Return the private key of the issuer."""
    if not KEY.exists():
        KEY.touch(mode=0o600)
        KEY.write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    return ECKey.import_key(KEY.read_text(), {"kid": "other-issuer", "alg": "ES256", "use": "sig"})


def sign(typ: str, user: str, audience: str, **claims: str) -> str:
    """Return an assertion about a user, which the audience accepts once in the next minute."""
    now = int(time.time())
    about = {
        "iss": ISSUER,
        "sub": user,
        "aud": audience,
        "iat": now,
        "exp": now + 60,
        "jti": secrets.token_urlsafe(16),
        "scope": "profile email",
        **claims,
    }
    return jwt.encode({"typ": typ, "alg": "ES256", "kid": "other-issuer"}, about, read_key())


def answer(command: str, *arguments: str) -> str:
    """Return what a command prints."""
    if command == "jwks":
        return dumps({"keys": [read_key().as_dict(private=False)]})
    user, audience, *client_id = arguments
    if command == "id-jag":
        return sign(ID_JAG, user, audience, client_id=client_id[0])
    return sign("JWT", user, audience)


if __name__ == "__main__":
    sys.stdout.write(f"{answer(*sys.argv[1:])}\n")
