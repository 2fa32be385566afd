"""The certificate of a client, from the header of a named proxy (RFC 9440)."""

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.certificates import ClientCertificate

from oidcserver.http.client_certificate import (
    ENCODINGS,
    PEER,
    CertificateHeaders,
    header_name,
    keep_peer,
    networks,
    parse_certificate,
)

CERTIFICATE = ClientCertificate()


def headers(proxies: str = "10.0.0.1 fd00::/64", encoding: str = "rfc9440") -> CertificateHeaders:
    return CertificateHeaders(
        networks(proxies), "HTTP_CLIENT_CERT", encoding, "HTTP_CLIENT_CERT_VERIFY"
    )


def environ(peer: str = "10.0.0.1", **more: Any) -> dict[str, Any]:
    return {"REMOTE_ADDR": peer, "HTTP_CLIENT_CERT": CERTIFICATE.rfc9440, **more}


def test_a_named_proxy_hands_the_certificate_on() -> None:
    for peer in ("10.0.0.1", "fd00::5"):
        found = headers().read(environ(peer))
        assert found is not None
        assert found.certificate == CERTIFICATE.certificate
        assert found.thumbprint == CERTIFICATE.thumbprint


@pytest.mark.parametrize(
    "peer", ["10.0.0.2", "127.0.0.1", "fd01::1", "", "localhost", "10.0.0.1, x"]
)
def test_from_anyone_else_the_header_is_as_if_absent(peer: str) -> None:
    assert headers().read(environ(peer)) is None
    assert headers(proxies="").read(environ(peer)) is None


def test_the_peer_of_the_connection_counts_not_the_address_that_the_proxy_names() -> None:
    seen = []

    def server(environ: dict[str, Any], start_response: Any) -> None:
        environ["REMOTE_ADDR"] = "192.0.2.7"  # as waitress does, of X-Forwarded-For
        seen.append(headers().read(environ))

    keep_peer(server)(environ(), None)
    assert seen[0] is not None
    keep_peer(server)(environ("192.0.2.9"), None)
    assert seen[1] is None
    # A client that names the proxy's address gains nothing.
    assert headers().read(environ("10.0.0.1", **{PEER: "192.0.2.9"})) is None


@pytest.mark.parametrize(
    ("word", "verified"),
    [("SUCCESS", True), ("0", True), ("NONE", False), ("FAILED:expired", False), ("", False),
     ("success", False), ("SUCCESS, SUCCESS", False), (None, False)],
)  # fmt: skip
def test_the_word_of_the_proxy_about_the_chain(word: str | None, verified: bool) -> None:
    more = {} if word is None else {"HTTP_CLIENT_CERT_VERIFY": word}
    found = headers().read(environ(**more))
    assert found is not None
    assert found.verified is verified


def test_both_encodings() -> None:
    assert parse_certificate(CERTIFICATE.rfc9440, "rfc9440") == CERTIFICATE.certificate
    assert parse_certificate(CERTIFICATE.escaped, "escaped_pem") == CERTIFICATE.certificate


OTHER = ClientCertificate("CN=other")
GARBAGE = [
    "x", ":", "::", ":AAAA:", ":%:", CERTIFICATE.pem, f":{b64encode(b'x' * 500).decode()}:",
    CERTIFICATE.rfc9440[:-1], CERTIFICATE.rfc9440[1:], CERTIFICATE.rfc9440[:-9] + ":",
    f"{CERTIFICATE.rfc9440}, {OTHER.rfc9440}", f"{CERTIFICATE.rfc9440}{OTHER.rfc9440}",
    CERTIFICATE.escaped + OTHER.escaped, f"{CERTIFICATE.escaped}, {OTHER.escaped}x",
    f'Hash=1;Cert="{CERTIFICATE.escaped}";Subject="CN=client"', "%FF", "\u00e9",
    f":{b64encode(CERTIFICATE.der + b'x').decode()}:", ":" + "A" * 20000 + ":",
    f":{b64encode(CERTIFICATE.private_pem.encode()).decode()}:", CERTIFICATE.private_pem,
]  # fmt: skip


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("value", GARBAGE)
def test_anything_else_cannot_be_read(value: str, encoding: str) -> None:
    found = headers(encoding=encoding).read(environ(HTTP_CLIENT_CERT=value))
    assert found is not None
    assert found.certificate in (None, CERTIFICATE.certificate), "the leaf or nothing"
    assert bool(found.problem) is (found.certificate is None)
    assert (found.thumbprint is None) is (found.certificate is None)


@pytest.mark.parametrize(
    ("value", "encoding"),
    [(f"{CERTIFICATE.rfc9440}, {OTHER.rfc9440}", "rfc9440"),
     (CERTIFICATE.escaped + OTHER.escaped, "escaped_pem")],
)  # fmt: skip
def test_of_two_certificates_none_is_read(value: str, encoding: str) -> None:
    found = headers(encoding=encoding).read(environ(HTTP_CLIENT_CERT=value))
    assert found is not None
    assert found.certificate is None


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=st.text(max_size=100))
def test_any_text_has_an_answer(encoding: str, text: str) -> None:
    found = headers(encoding=encoding).read(environ(HTTP_CLIENT_CERT=text))
    assert found is None or found.problem


@given(octets=st.binary(max_size=200))
def test_any_octets_have_an_answer(octets: bytes) -> None:
    value = f":{b64encode(octets).decode()}:"
    found = headers().read(environ(HTTP_CLIENT_CERT=value))
    assert found is not None
    assert found.problem


@given(position=st.integers(0, len(CERTIFICATE.der) - 1), octet=st.integers(0, 255))
def test_a_damaged_certificate_is_read_or_not(position: int, octet: int) -> None:
    damaged = bytearray(CERTIFICATE.der)
    damaged[position] = octet
    headers().read(environ(HTTP_CLIENT_CERT=f":{b64encode(bytes(damaged)).decode()}:"))


def test_the_proxies_are_shown_as_they_are_given() -> None:
    assert str(networks("127.0.0.1  fd00::/64")) == "127.0.0.1/32 fd00::/64"
    assert not networks("")


@pytest.mark.parametrize("raw", ["10.0.0.1/8", "localhost", "10.0.0", "::1 x"])
def test_a_proxy_is_an_address_or_a_network(raw: str) -> None:
    with pytest.raises(ValueError, match="addresses and networks"):
        networks(raw)


@pytest.mark.parametrize("raw", ["", "Client_Cert", "Client Cert", "Client-Cert:", "\u00e9"])
def test_a_header_has_a_name_that_no_other_header_collides_with(raw: str) -> None:
    with pytest.raises(ValueError, match="without underscores"):
        header_name(raw)
