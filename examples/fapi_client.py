"""A client by the FAPI 2.0 Security Profile: ``python fapi_client.py push``.

``new-key`` makes its key. ``push``, ``redeem``, ``refresh`` and ``userinfo`` are its requests.
"""

import json
import os
import secrets
import sys
import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

from dpop_client import BoundClient
from joserfc import jwt
from joserfc.jwk import ECKey

KEY = Path("key.json")
REDIRECT_URI = "https://app.example.com/cb"
BY_JWT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class FapiClient(BoundClient):
    """Authenticates by assertions, and binds its tokens to the same key."""

    def __init__(self, issuer: str, client_id: str) -> None:
        super().__init__()
        self.issuer, self.client_id = issuer, client_id
        self.key = ECKey.import_key(json.loads(KEY.read_text()))

    def assertion(self) -> str:
        """Return an assertion for one request; its audience is the issuer alone."""
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.issuer,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_urlsafe(16),
        }
        return jwt.encode({"alg": "ES256"}, claims, self.key)

    def post(self, path: str, **parameters: str) -> Any:
        """Return the answer to a request; it is repeated once if the server requires a nonce."""
        url = self.issuer + path
        for _ in range(2):
            fields = {
                "client_id": self.client_id,
                "client_assertion_type": BY_JWT,
                "client_assertion": self.assertion(),
                **parameters,
            }
            headers = {"DPoP": self.proof("POST", url)}
            answer = self.http.request(
                "POST", url, fields=fields, headers=headers, encode_multipart=False
            )
            self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
            if answer.json().get("error") != "use_dpop_nonce":
                break
        return answer.json()

    def push(self) -> Any:
        """Push an authorization request; return the answer and the verifier of its challenge."""
        verifier = secrets.token_urlsafe(48)
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        pushed = self.post(
            "/oauth/par",
            response_type="code",
            scope="openid profile offline_access",
            redirect_uri=REDIRECT_URI,
            code_challenge=challenge,
            code_challenge_method="S256",
        )
        return {**pushed, "code_verifier": verifier}

    def redeem(self, code: str, verifier: str) -> Any:
        """Return the tokens for a code."""
        return self.post(
            "/oauth/token",
            grant_type="authorization_code",
            code=code,
            code_verifier=verifier,
            redirect_uri=REDIRECT_URI,
        )

    def refresh(self, refresh_token: str) -> Any:
        """Return a new access token. The client keeps its refresh token."""
        return self.post("/oauth/token", grant_type="refresh_token", refresh_token=refresh_token)

    def userinfo(self, access_token: str) -> Any:
        """Return the claims about the user."""
        return self.send("GET", f"{self.issuer}/oauth/userinfo", access_token).json()


def new_key() -> dict[str, Any]:
    """Make a key, which only its owner can read; return the JWK Set to register."""
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    KEY.touch(mode=0o600)
    KEY.write_text(json.dumps(key.as_dict(private=True)))
    return {"keys": [key.as_dict(private=False)]}


if __name__ == "__main__":
    command, *values = sys.argv[1:]
    if command == "new-key":
        result = new_key()
    else:
        client = FapiClient(os.environ["ISSUER"], os.environ["CLIENT_ID"])
        result = getattr(client, command)(*values)
    sys.stdout.write(f"{json.dumps(result)}\n")
