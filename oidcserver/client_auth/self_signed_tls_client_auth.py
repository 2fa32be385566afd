"""self_signed_tls_client_auth: a certificate with a key of the client (RFC 8705 section 2.2)."""

from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from oidcserver.client_auth.tls_certificate import CertificateMethod
from oidcserver.clients.keys import read_client_keys
from oidcserver.keys.jwt import InvalidJWT
from oidcserver.models import RegisteredClient
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.types import ClientCertificate


def check_key(
    oauth_request: OAuthRequest, client: RegisteredClient, presented: ClientCertificate
) -> str | None:
    """The public key is one of the client's ``jwks`` or ``jwks_uri``.

    The names in the certificate and its signature do not matter: in the handshake the client proved
    that it has the private key.
    """
    assert presented.certificate is not None
    key = _octets(presented.certificate.public_key())
    try:
        # No key has the name "", so that keys of a URI are fetched again.
        for kid in (None, ""):
            keys = read_client_keys(oauth_request.request, client, kid)
            if any(_octets(each.public_key) == key for each in keys):
                return None
    except InvalidJWT as problem:
        return f"The certificate cannot be compared: {problem}."
    return "The key of the certificate is not one of the client's."


def _octets(public_key: Any) -> bytes:
    octets: bytes = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return octets


METHOD = CertificateMethod("self_signed_tls_client_auth", check_key)
