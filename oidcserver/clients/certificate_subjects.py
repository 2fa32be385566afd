"""The subject of the certificate of a client, as it is registered (RFC 8705 section 2.1.2)."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from oidcserver.types import Provider

MAX_SUBJECT = 1024

#: The attribute types of RFC 4514 section 3, and three that authorities use besides.
_ATTRIBUTE_TYPES = {
    "CN": NameOID.COMMON_NAME,
    "L": NameOID.LOCALITY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "C": NameOID.COUNTRY_NAME,
    "STREET": NameOID.STREET_ADDRESS,
    "DC": NameOID.DOMAIN_COMPONENT,
    "UID": NameOID.USER_ID,
    "EMAILADDRESS": NameOID.EMAIL_ADDRESS,
    "SERIALNUMBER": NameOID.SERIAL_NUMBER,
    "ORGANIZATIONIDENTIFIER": NameOID.ORGANIZATION_IDENTIFIER,
}
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")


class _AnyCase(dict[str, x509.ObjectIdentifier]):
    """Finds an attribute type in any case of letters (RFC 4512 section 2.5)."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.upper(), default)


_TYPES = _AnyCase(_ATTRIBUTE_TYPES)


@dataclass(frozen=True, slots=True)
class Subject:
    """One way to register a subject."""

    #: Returns the registered text in a form that can be compared, or raises ``ValueError`` with
    #: half a sentence.
    parse: Callable[[str], Any]
    #: Returns the subjects of a certificate in that form.
    read: Callable[[x509.Certificate], list[Any]]

    def rule(self, value: Any, provider: Provider) -> str:
        """Return the member to store, for a client of the method ``tls_client_auth``."""
        if "tls_client_auth" not in provider.client_authentication_methods:
            raise ValueError("is not available here")
        if not isinstance(value, str) or not value or len(value) > MAX_SUBJECT:
            raise ValueError(f"is not text of 1 to {MAX_SUBJECT} characters")
        self.parse(value)
        return value

    def matches(self, certificate: x509.Certificate, registered: str) -> bool:
        """Whether a certificate has the registered subject.

        :raises ValueError: if the certificate cannot be read, as ``cryptography`` does.
        """
        return self.parse(registered) in self.read(certificate)


def parse_dn(text: str) -> x509.Name:
    """Return a distinguished name in the notation of RFC 4514.

    Names are equal if they have the same parts in the same order. It does not matter in which case
    attribute types are written, which characters are escaped, or in which order the attributes of
    one part are.
    """
    try:
        return x509.Name.from_rfc4514_string(text, _TYPES)
    except ValueError:
        raise ValueError(
            "is not a distinguished name of RFC 4514 such as CN=client,O=Example,C=DE"
        ) from None


def _parse_dns(text: str) -> str:
    if not re.fullmatch(r"(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", text):
        raise ValueError("is not a DNS name")
    return text.lower()


def _parse_uri(text: str) -> str:
    if not _URI.fullmatch(text):
        raise ValueError("is not a URI")
    return text


def _parse_ip(text: str) -> Any:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise ValueError("is not an IP address") from None


def _parse_email(text: str) -> str:
    local, at, domain = text.rpartition("@")
    if not (local and at and domain and text.isprintable() and " " not in text):
        raise ValueError("is not an email address")
    return f"{local}@{domain.lower()}"


def _names(kind: type[Any], form: Callable[[Any], Any]) -> Callable[[x509.Certificate], list[Any]]:
    """Return a reader of subject alternative names of one kind (RFC 5280 section 4.2.1.6)."""

    def read(certificate: x509.Certificate) -> list[Any]:
        try:
            extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except x509.ExtensionNotFound:
            return []
        return [form(value) for value in extension.value.get_values_for_type(kind)]

    return read


def _email_form(value: str) -> str:
    local, _, domain = value.rpartition("@")
    return f"{local}@{domain.lower()}"


#: The members, of which a client registers exactly one.
SUBJECTS = {
    "tls_client_auth_subject_dn": Subject(parse_dn, lambda certificate: [certificate.subject]),
    "tls_client_auth_san_dns": Subject(_parse_dns, _names(x509.DNSName, str.lower)),
    "tls_client_auth_san_uri": Subject(_parse_uri, _names(x509.UniformResourceIdentifier, str)),
    "tls_client_auth_san_ip": Subject(_parse_ip, _names(x509.IPAddress, lambda value: value)),
    "tls_client_auth_san_email": Subject(_parse_email, _names(x509.RFC822Name, _email_form)),
}
