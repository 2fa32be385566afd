"""The certificate that the client presented by TLS, from the header of a proxy that is named.

A proxy ends TLS and hands the certificate on in a header (RFC 9440), which anybody could send. So
it is read only if the peer of the connection is one of ``oauth.client_certificate_proxies``, and
each of these proxies has to replace or remove the header that the client sent (section 4).
"""

import ipaddress
import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from oidcserver.http.addresses import Network
from oidcserver.settings import Settings, text
from oidcserver.types import Configurator, Request

#: The key of the WSGI environment with the peer of the connection, where a middleware replaces
#: REMOTE_ADDR by the address that a proxy names.
PEER = "oidcserver.peer"
ENCODINGS = ("rfc9440", "escaped_pem")
#: The words of proxies for a chain that they verified: nginx and Apache; HAProxy.
VERIFIED = frozenset({"SUCCESS", "0"})
#: A certificate with an RSA key of 8,192 bits and many names is not half as long.
MAX_CHARACTERS = 12288

_BYTE_SEQUENCE = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate whose private key the client has, as the proxy says."""

    #: None if the header cannot be read.
    certificate: x509.Certificate | None
    #: Whether the proxy verified its chain. Otherwise anybody may have signed it.
    verified: bool
    #: The reason why the header cannot be read, as a sentence.
    problem: str = ""

    @property
    def thumbprint(self) -> str | None:
        """The SHA-256 of the certificate in base64url: ``x5t#S256`` (RFC 8705 section 3.1)."""
        if self.certificate is None:
            return None
        digest = self.certificate.fingerprint(SHA256())
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Networks:
    """Networks and single addresses."""

    networks: tuple[Network, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.networks)

    def __str__(self) -> str:
        return " ".join(map(str, self.networks))

    def have(self, peer: str) -> bool:
        """Whether a text is an address in one of the networks."""
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in each for each in self.networks if each.version == address.version)


@dataclass(frozen=True, slots=True)
class CertificateHeaders:
    """The headers of the proxies that are trusted. The names are keys of the environment."""

    proxies: Networks
    certificate: str
    encoding: str
    verified: str

    def read(self, environ: Mapping[str, Any]) -> ClientCertificate | None:
        """Return the certificate of a request, or None if no trusted proxy names one."""
        value = environ.get(self.certificate)
        if not value or not self.proxies.have(_peer(environ)):
            return None
        verified = environ.get(self.verified) in VERIFIED
        try:
            return ClientCertificate(parse_certificate(value, self.encoding), verified)
        except ValueError as problem:
            return ClientCertificate(None, verified, str(problem))

    def absence(self, environ: Mapping[str, Any]) -> str:
        """Return why a request has no certificate, as half a sentence for the operator."""
        if environ.get(self.certificate):
            return (
                f"its header came from {_peer(environ)}, which oauth.client_certificate_proxies "
                "does not name"
            )
        return "the request has no header that oauth.client_certificate_header names"


def _peer(environ: Mapping[str, Any]) -> str:
    peer: str = environ.get(PEER) or environ.get("REMOTE_ADDR", "")
    return peer


@lru_cache(maxsize=256)
def parse_certificate(value: str, encoding: str) -> x509.Certificate:
    """Return the one certificate of a header; those that come again and again are cached.

    :param encoding: ``rfc9440``, a byte sequence of DER (RFC 9440 section 2.1); or ``escaped_pem``,
        PEM with percent-encoding, as nginx's ``$ssl_client_escaped_cert`` has it.
    :raises ValueError: if it holds anything else. The text is a sentence, which quotes no input.
    """
    if len(value) > MAX_CHARACTERS:
        raise ValueError(f"The certificate header has more than {MAX_CHARACTERS} characters.")
    try:
        if encoding == "rfc9440":
            sequence = _BYTE_SEQUENCE.fullmatch(value)
            if sequence is None:
                raise ValueError
            found = [x509.load_der_x509_certificate(b64decode(sequence[1], validate=True))]
        else:
            found = x509.load_pem_x509_certificates(unquote(value, errors="strict").encode())
        if len(found) != 1:
            raise ValueError
    except (ValueError, x509.InvalidVersion):
        raise ValueError(
            f"The certificate header is not one certificate in the encoding {encoding}, which "
            "oauth.client_certificate_encoding names (elsewhere oauth_resource.)."
        ) from None
    return found[0]


def keep_peer(app: Any) -> Any:
    """Return a WSGI application that keeps the peer before ``app`` replaces REMOTE_ADDR."""

    def keeping(environ: dict[str, Any], start_response: Any) -> Any:
        environ[PEER] = environ["REMOTE_ADDR"]
        return app(environ, start_response)

    return keeping


def networks(raw: str) -> Networks:
    """Return networks and addresses: ``127.0.0.1 ::1 10.0.0.0/24``."""
    try:
        return Networks(tuple(ipaddress.ip_network(word) for word in raw.split()))
    except ValueError:
        raise ValueError("addresses and networks such as 127.0.0.1 10.0.0.0/24") from None


def header_name(raw: str) -> str:
    """Return the name of a header: letters, digits and dashes."""
    if not _HEADER_NAME.fullmatch(raw.strip()):
        raise ValueError("the name of a header, without underscores, such as Client-Cert")
    return raw.strip()


def certificate_headers(settings: Settings, prefix: str = "oauth.") -> CertificateHeaders:
    """Return the headers that the settings name.

    :param prefix: the beginning of the names of the settings.
    """
    setting = f"{prefix}client_certificate_"
    return CertificateHeaders(
        settings[f"{setting}proxies"],
        _environ_key(settings[f"{setting}header"]),
        settings[f"{setting}encoding"],
        _environ_key(settings[f"{setting}verify_header"]),
    )


def _environ_key(header: str) -> str:
    return "HTTP_" + header.upper().replace("-", "_")


def read_client_certificate(request: Request) -> ClientCertificate | None:
    """``request.oidc.client_certificate``."""
    return certificate_headers(request.oidc.provider.settings).read(request.environ)


def includeme(config: Configurator) -> None:
    """Add the settings and ``request.oidc.client_certificate``."""
    config.add_oidc_attribute("client_certificate", read_client_certificate)
    setting = config.add_oauth_setting
    setting(
        "oauth.client_certificate_proxies",
        networks,
        Networks(),
        "The addresses of the proxies that end TLS and name the client's certificate in a header. "
        "From any other peer that header is ignored.",
    )
    setting(
        "oauth.client_certificate_header",
        header_name,
        "Client-Cert",
        "The header with the client's certificate.",
    )
    setting(
        "oauth.client_certificate_encoding",
        text,
        "rfc9440",
        "The encoding of the certificate: a byte sequence of DER (rfc9440), or percent-encoded "
        "PEM as in $ssl_client_escaped_cert of nginx (escaped_pem).",
        allowed=ENCODINGS,
    )
    setting(
        "oauth.client_certificate_verify_header",
        header_name,
        "Client-Cert-Verify",
        "The header in which the proxy says by SUCCESS, or 0, that it verified the certificate's "
        "chain.",
    )
