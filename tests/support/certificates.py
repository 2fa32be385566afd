"""TLS certificates of clients, and the headers in which a proxy hands them on."""

import datetime
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

#: The address of the proxy that tests trust.
PROXY = "10.0.0.1"
DAY = datetime.timedelta(days=1)


class ClientCertificate:
    """A certificate with its private key, signed by itself or by an authority.

    :param subject: in the notation of RFC 4514.
    :param names: subject alternative names.
    :param days: for how many days from now it is valid; negative if it has expired.
    """

    def __init__(
        self,
        subject: str = "CN=client",
        *,
        names: Sequence[x509.GeneralName] = (),
        authority: "ClientCertificate | None" = None,
        days: int = 1,
        key: Any = None,
    ) -> None:
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name.from_rfc4514_string(subject)
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(authority.name if authority else self.name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 10 * DAY)
            .not_valid_after(now + days * DAY)
        )
        if authority is None:
            constraint = x509.BasicConstraints(ca=True, path_length=None)
            builder = builder.add_extension(constraint, critical=True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        self.certificate = builder.sign(authority.key if authority else self.key, hashes.SHA256())

    @property
    def der(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> str:
        """The certificate as text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def private_pem(self) -> str:
        """The private key as text."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    @property
    def thumbprint(self) -> str:
        """``x5t#S256``."""
        digest = self.certificate.fingerprint(hashes.SHA256())
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

    @property
    def jwks(self) -> dict[str, Any]:
        """The public key as a client registers it."""
        return {"keys": [ECKey.import_key(self.private_pem).as_dict(private=False)]}

    @property
    def rfc9440(self) -> str:
        """The value of ``Client-Cert`` (RFC 9440)."""
        return f":{b64encode(self.der).decode()}:"

    @property
    def escaped(self) -> str:
        """The value of nginx's ``$ssl_client_escaped_cert``."""
        return quote(self.pem, safe="")

    def headers(self, verify: str = "SUCCESS") -> dict[str, str]:
        """Return the headers of a proxy."""
        return {"Client-Cert": self.rfc9440, "Client-Cert-Verify": verify}

    def write(self, folder: Path, name: str = "client.pem") -> Path:
        """Write certificate and key to a file; return it."""
        path = folder / name
        path.write_text(self.private_pem + self.pem)
        return path
