"""The SDK of Nimbus pushes its requests and authenticates by its certificate, through nginx."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption as Encryption
from cryptography.hazmat.primitives.serialization import pkcs12
from support.builds import HERE
from support.certificates import ClientCertificate
from support.documented import Documented
from support.mutual_tls import Site, serve_behind_nginx
from support.person import Person
from support.relying_party_process import run_relying_party

pytestmark = [pytest.mark.interoperability, pytest.mark.java, pytest.mark.nginx]

TITLE = "Nimbus OAuth 2.0 SDK with mutual TLS"
PASSWORD = "changeit"
REDIRECT_URI = "https://app.example.com/callback"  # nobody is there: the person reads the URL only
#: By the number of its registration on the page.
METHODS = ["tls_client_auth", "self_signed_tls_client_auth"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, keys_directory: Path) -> Iterator[Site]:
    settings = Documented(TITLE).settings()
    with serve_behind_nginx(tmp_path_factory.mktemp("site"), keys_directory, settings) as running:
        yield running


def write_stores(folder: Path, own: ClientCertificate, trusted: Path) -> None:
    """Write the client's key and certificate, and the certificate that Java trusts."""
    encryption = Encryption(PASSWORD.encode())
    (folder / "client.p12").write_bytes(
        pkcs12.serialize_key_and_certificates(b"client", own.key, own.certificate, None, encryption)
    )
    of_nginx = pkcs12.PKCS12Certificate(
        x509.load_pem_x509_certificate(trusted.read_bytes()), b"nginx"
    )
    (folder / "trusted.p12").write_bytes(pkcs12.serialize_java_truststore([of_nginx], encryption))


@pytest.mark.parametrize("method", METHODS)
def test_nimbus(java: list[str], site: Site, method: str, tmp_path: Path) -> None:
    signed = method == "tls_client_auth"
    own = ClientCertificate("CN=app,O=Example", authority=site.authority if signed else None)
    write_stores(tmp_path, own, site.trusted)
    (tmp_path / "jwks.json").write_text(json.dumps(own.jwks))
    client = Documented(TITLE).create_client(
        site.ini, number=METHODS.index(method), folder=tmp_path
    )
    configuration = {
        "issuer": site.url,
        "client_id": client["client_id"],
        "redirect_uri": REDIRECT_URI,
        "method": method,
        "certificate": str(tmp_path / "client.p12"),
        "password": PASSWORD,
    }
    trust = [
        f"-Djavax.net.ssl.trustStore={tmp_path / 'trusted.p12'}",
        f"-Djavax.net.ssl.trustStorePassword={PASSWORD}",
    ]
    program, *class_path = java
    command = [program, *trust, *class_path, "parties.nimbus.MutualTlsClient"]
    with Person() as person:
        report, visits = run_relying_party(command, configuration, person)
    assert visits == [["login", "consent"]]
    assert report["thumbprint"] == own.thumbprint
    assert report["userinfo"]["sub"] == report["subject"]
    assert report["userinfo"]["preferred_username"] == "alice"
    assert report["without_certificate"] == 401


def test_the_page_shows_what_the_program_does() -> None:
    shown = {
        'new Issuer("https://login.example.com")': "issuer",
        'new ClientID("CLIENT_ID")': "client",
        'new File("client.p12")': "file",
        "var credentials = ": "return ",
    }
    page = Documented(TITLE, shown)
    program = (HERE / "java/src/main/java/parties/nimbus/MutualTlsClient.java").read_text()
    for number in range(2):
        for line in page.block("java", number).splitlines():
            assert line.strip() in program
