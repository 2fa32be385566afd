"""Client authentication by a TLS certificate (RFC 8705 section 2): the base of both methods."""

from collections.abc import Callable
from functools import partial
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from oidcserver import clock
from oidcserver.client_auth.none import names_client
from oidcserver.http.client_certificate import certificate_headers
from oidcserver.models import RegisteredClient
from oidcserver.oauth.client_authentication import ClientAuthenticationFailed
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.server import AuthorizationServer

#: Raised while a part of a certificate is read.
_UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class CertificateMethod:
    """A method by which a client names itself, and a proxy names the client's certificate.

    A certificate alone is no credential: a client of another method may present one for its tokens
    (section 3). So the registration of the client decides which method a request presents.

    :param name: of the method.
    :param check: takes the request, the client and the certificate of ``request.oidc``, which can
        be read. It returns a sentence about why it is not the client's, or None.
    """

    def __init__(
        self, name: str, check: Callable[[OAuthRequest, RegisteredClient, Any], str | None]
    ) -> None:
        self.name = name
        self._check = check

    def presented(self, oauth_request: OAuthRequest) -> bool:
        """Return whether there is a certificate and nothing else, and a client of this method."""
        if oauth_request.request.oidc.client_certificate is None:
            return False
        client = _named_client(oauth_request) if names_client(oauth_request) else None
        return client is not None and client.token_endpoint_auth_method == self.name

    def absent(self, oauth_request: OAuthRequest) -> str | None:
        """Return why there is no certificate, for a client of this method; None for another."""
        request = oauth_request.request
        if request.oidc.client_certificate is not None or not names_client(oauth_request):
            return None
        client = _named_client(oauth_request)
        if client is None or client.token_endpoint_auth_method != self.name:
            return None
        why = certificate_headers(request.oidc.provider.settings).absence(request.environ)
        return f"The client registered {self.name}, and no certificate reached the server: {why}."

    def authenticate(
        self, oauth_request: OAuthRequest, server: AuthorizationServer
    ) -> RegisteredClient:
        """Return the client that the request names, if the certificate is its own."""
        client = _named_client(oauth_request)
        presented = oauth_request.request.oidc.client_certificate
        assert client is not None
        assert presented is not None
        failed = partial(ClientAuthenticationFailed, client_id=client.client_id)
        if presented.certificate is None:
            raise failed(presented.problem, "RFC 9440 section 2.1")
        try:
            problem = _problem_of_time(presented.certificate)
            problem = problem or self._check(oauth_request, client, presented)
        except _UNREADABLE:
            problem = "A part of the certificate cannot be read."
        if problem is not None:
            raise failed(problem, "RFC 8705 section 2")
        return client


def _named_client(oauth_request: OAuthRequest) -> RegisteredClient | None:
    """Return the client of the parameter ``client_id``; it is kept, as several methods ask."""
    if oauth_request.named_client is None:
        server = oauth_request.request.oidc.server
        oauth_request.named_client = server.query_client(oauth_request.form.get("client_id", ""))
    client: RegisteredClient | None = oauth_request.named_client
    return client


def _problem_of_time(certificate: x509.Certificate) -> str | None:
    now = clock.now()
    if certificate.not_valid_after_utc.timestamp() < now:
        return "The certificate has expired."
    if certificate.not_valid_before_utc.timestamp() > now:
        return "The certificate is not valid yet."
    return None
