"""tls_client_auth: a certificate of an authority, with the registered subject (RFC 8705 2.1)."""

from oidcserver.client_auth.tls_certificate import CertificateMethod
from oidcserver.clients.certificate_subjects import SUBJECTS
from oidcserver.models import RegisteredClient
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.types import ClientCertificate


def check_subject(
    oauth_request: OAuthRequest, client: RegisteredClient, presented: ClientCertificate
) -> str | None:
    """The proxy verified the chain, and the certificate has the subject of the client."""
    assert presented.certificate is not None
    if not presented.verified:
        return "The proxy did not verify the chain of the certificate."
    for member, subject in SUBJECTS.items():
        registered = client.member(member)
        if registered is not None:
            if subject.matches(presented.certificate, registered):
                return None
            return f"The certificate does not have the client's {member}."
    return "The client registered no subject."


METHOD = CertificateMethod("tls_client_auth", check_subject)
