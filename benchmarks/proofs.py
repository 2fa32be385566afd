"""DPoP proofs (RFC 9449), made before the load that spends them."""

import base64
import hashlib
import json
import secrets
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

#: More than a server takes in the longest run.
COUNT = 60_000
FOLDER = tempfile.TemporaryDirectory(prefix="oidcbench")


class Prover:
    """A client's key, and the proofs that it signs."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        numbers = self._key.public_key().public_numbers()
        jwk = {"kty": "EC", "crv": "P-256"} | {
            name: _encoded(number.to_bytes(32)) for name, number in
            {"x": numbers.x, "y": numbers.y}.items()
        }  # fmt: skip
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}
        self._header = _encoded(json.dumps(header).encode())

    def proof(self, method: str, url: str, access_token: str = "") -> str:
        """Return a new proof for a request, with the hash of an access token if there is one."""
        claims = {"jti": secrets.token_urlsafe(12), "htm": method, "htu": url,
                  "iat": int(time.time())}  # fmt: skip
        if access_token:
            claims["ath"] = _encoded(hashlib.sha256(access_token.encode()).digest())
        signed = f"{self._header}.{_encoded(json.dumps(claims).encode())}"
        signature = self._key.sign(signed.encode(), ec.ECDSA(SHA256()))
        r, s = utils.decode_dss_signature(signature)
        return f"{signed}.{_encoded(r.to_bytes(32) + s.to_bytes(32))}"

    def write(self, method: str, url: str, access_token: str = "") -> str:
        """Write proofs for the requests of one run, one a line; return the file's path."""
        path = Path(FOLDER.name) / "proofs"
        lines = (self.proof(method, url, access_token) for _ in range(COUNT))
        path.write_text("\n".join(lines))
        return str(path)


def _encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
