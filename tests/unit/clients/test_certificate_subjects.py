"""The registered subject of a client's certificate (RFC 8705 section 2.1.2)."""

import ipaddress
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from support.certificates import ClientCertificate

from oidcserver.clients.certificate_subjects import SUBJECTS, parse_dn

PROVIDER: Any = SimpleNamespace(client_authentication_methods={"tls_client_auth": object()})
DN = "CN=client,OU=Payments,O=Example\\, Inc.,C=DE"
CERTIFICATE = ClientCertificate(
    DN,
    names=[
        x509.DNSName("Client.example"),
        x509.UniformResourceIdentifier("https://client.example/id"),
        x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
        x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
        x509.RFC822Name("Client@Example.com"),
    ],
)


def matches(member: str, registered: str, certificate: ClientCertificate = CERTIFICATE) -> bool:
    subject = SUBJECTS[member]
    assert subject.rule(registered, PROVIDER) == registered
    return subject.matches(certificate.certificate, registered)


@pytest.mark.parametrize(
    "registered",
    [
        DN,
        "cn=client,ou=Payments,o=Example\\, Inc.,c=DE",
        "Cn=client,2.5.4.11=Payments,O=Example\\2C Inc.,C=DE",
        "CN=\\63lient,OU=Payments,O=Example\\, Inc.,C=DE",
    ],
)
def test_a_name_may_be_written_in_several_ways(registered: str) -> None:
    assert matches("tls_client_auth_subject_dn", registered)


@pytest.mark.parametrize(
    "registered",
    [
        "CN=client",
        "C=DE,O=Example\\, Inc.,OU=Payments,CN=client",
        "OU=Payments,CN=client,O=Example\\, Inc.,C=DE",
        "CN=Client,OU=Payments,O=Example\\, Inc.,C=DE",
        "CN=client,OU=Payments,O=Example,C=DE",
        "CN=client+OU=Payments,O=Example\\, Inc.,C=DE",
        f"{DN},DC=example",
    ],
)
def test_a_name_with_other_parts_or_another_order_is_another_name(registered: str) -> None:
    assert not matches("tls_client_auth_subject_dn", registered)


def test_a_name_within_the_value_of_another_is_no_match() -> None:
    tricky = ClientCertificate("CN=b\\,CN\\=a,O=x CN\\=a")
    for registered in ("CN=a", "CN=b,CN=a", "CN=a,O=x CN\\=a"):
        assert not matches("tls_client_auth_subject_dn", registered, tricky)
    assert matches("tls_client_auth_subject_dn", "CN=b\\,CN\\=a,O=x CN\\=a", tricky)


def test_the_attributes_of_one_part_have_no_order() -> None:
    certificate = ClientCertificate("CN=client+UID=7,O=Example")
    assert matches("tls_client_auth_subject_dn", "UID=7+cn=client,O=Example", certificate)


@pytest.mark.parametrize(
    ("member", "registered", "fits"),
    [
        ("tls_client_auth_san_dns", "client.EXAMPLE", True),
        ("tls_client_auth_san_dns", "example", False),
        ("tls_client_auth_san_dns", "sub.client.example", False),
        ("tls_client_auth_san_uri", "https://client.example/id", True),
        ("tls_client_auth_san_uri", "https://client.example/ID", False),
        ("tls_client_auth_san_ip", "2001:0DB8:0:0::1", True),
        ("tls_client_auth_san_ip", "192.0.2.1", True),
        ("tls_client_auth_san_ip", "192.0.2.2", False),
        ("tls_client_auth_san_email", "Client@EXAMPLE.com", True),
        ("tls_client_auth_san_email", "client@example.com", False),
    ],
)
def test_alternative_names(member: str, registered: str, fits: bool) -> None:
    assert matches(member, registered) is fits
    assert not matches(member, registered, ClientCertificate(DN)), "it has no such names"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        *((member, value) for member in SUBJECTS for value in ("", None, 5, [], "x" * 2000)),
        ("tls_client_auth_subject_dn", "client"),
        ("tls_client_auth_subject_dn", "CN=a,,O=b"),
        ("tls_client_auth_subject_dn", "CN=a, O=b"),
        ("tls_client_auth_subject_dn", "NOSUCH=a"),
        ("tls_client_auth_subject_dn", "C=Germany"),
        ("tls_client_auth_subject_dn", "CN=#zz"),
        ("tls_client_auth_san_dns", "https://client.example"),
        ("tls_client_auth_san_dns", "a b"),
        ("tls_client_auth_san_uri", "client.example/id"),
        ("tls_client_auth_san_ip", "192.0.2.0/24"),
        ("tls_client_auth_san_ip", "client.example"),
        ("tls_client_auth_san_email", "client.example"),
        ("tls_client_auth_san_email", "a b@example.com"),
    ],
)
def test_a_malformed_member_is_rejected(member: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"^is ") as problem:
        SUBJECTS[member].rule(value, PROVIDER)
    assert str(problem.value).isascii()


def test_the_members_need_the_method() -> None:
    without: Any = SimpleNamespace(client_authentication_methods={"none": object()})
    with pytest.raises(ValueError, match="is not available here"):
        SUBJECTS["tls_client_auth_subject_dn"].rule(DN, without)


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_is_rejected(text: str) -> None:
    with suppress(ValueError):
        assert parse_dn(text) == parse_dn(text)


VALUE = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cc", "Cs"]),
    min_size=1,
    max_size=20,
)


@given(st.lists(VALUE, min_size=1, max_size=3))
def test_what_a_name_is_written_as_is_that_name_again(values: list[str]) -> None:
    name = x509.Name(
        [x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, value) for value in values]
    )
    assert parse_dn(name.rfc4514_string()) == name
