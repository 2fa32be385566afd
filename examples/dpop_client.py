"""A client whose token is bound to a key of its own by DPoP: ``python dpop_client.py``."""

import json
import os
import secrets
import sys
import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

import urllib3
from joserfc import jwt
from joserfc.jwk import ECKey


class BoundClient:
    """Sends requests with proofs of its key (RFC 9449)."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256")
        self.http = urllib3.PoolManager(retries=False)
        self.nonce: str | None = None

    def proof(self, method: str, url: str, access_token: str | None = None) -> str:
        """Return a proof: a JWT for one request, signed by the key whose public part it holds."""
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False)}
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": url,
            "iat": int(time.time()),
        }
        if access_token is not None:
            digest = sha256(access_token.encode()).digest()
            claims["ath"] = urlsafe_b64encode(digest).rstrip(b"=").decode()
        if self.nonce is not None:
            claims["nonce"] = self.nonce
        return jwt.encode(header, claims, self.key)

    def send(self, method: str, url: str, access_token: str | None = None, **options: Any) -> Any:
        """Send a request; repeat it once if the server requires a nonce in the proof."""
        headers = options.pop("headers", {})
        if access_token is not None:
            headers["Authorization"] = f"DPoP {access_token}"
        for _ in range(2):
            headers["DPoP"] = self.proof(method, url, access_token)
            answer = self.http.request(method, url, headers=headers, **options)
            self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
            if answer.status < 400 or answer.json().get("error") != "use_dpop_nonce":
                break
        return answer


def get_token(client: BoundClient, issuer: str, client_id: str, client_secret: str) -> Any:
    """Return the members of the token response for the client itself."""
    return client.send(
        "POST",
        f"{issuer}/oauth/token",
        headers=urllib3.make_headers(basic_auth=f"{client_id}:{client_secret}"),
        fields={"grant_type": "client_credentials"},
        encode_multipart=False,
    ).json()


if __name__ == "__main__":
    settings = (os.environ[name] for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET"))
    sys.stdout.write(f"{json.dumps(get_token(BoundClient(), *settings))}\n")
