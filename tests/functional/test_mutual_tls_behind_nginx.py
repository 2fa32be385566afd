"""Client certificates through the documented nginx: real TLS before a real process."""

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3
from support.app import RelyingParty
from support.certificates import ClientCertificate
from support.mutual_tls import MTLS_URL, Site, serve_behind_nginx

pytestmark = pytest.mark.nginx

SETTINGS = {
    "oauth__grants": "authorization_code client_credentials refresh_token",
    "oauth__token_endpoint_auth_methods": (
        "client_secret_basic tls_client_auth self_signed_tls_client_auth none"
    ),
    "oauth__sender_constraints": "mtls",
    "oauth__client_certificate_proxies": "127.0.0.1",
    "oauth__client_certificate_encoding": "escaped_pem",
    "oauth__mtls_base_url": MTLS_URL,
}
ROBOT: dict[str, Any] = {
    "grant_types": ["client_credentials"],
    "redirect_uris": [],
    "response_types": [],
    "scope": "email",
}
DN = "CN=client,O=Example\\, Inc."


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, keys_directory: Path) -> Iterator[Site]:
    with serve_behind_nginx(tmp_path_factory.mktemp("site"), keys_directory, SETTINGS) as running:
        yield running


def token(
    site: Site,
    client: RelyingParty,
    certificate: Path | None = None,
    *,
    url: str = "",
    **headers: str,
) -> Any:
    """Ask for a token of the client's own, by default at the mTLS host."""
    context = ssl.create_default_context(cafile=str(site.trusted))
    if certificate is not None:
        context.load_cert_chain(certificate)
    form = {"grant_type": "client_credentials", "client_id": client.client_id}
    with urllib3.PoolManager(ssl_context=context, retries=False) as http:
        return http.request(
            "POST",
            f"{url or site.mtls_url}/oauth/token",
            fields=form,
            encode_multipart=False,
            headers=headers,
        )


def test_the_documented_proxy_lets_clients_authenticate_by_their_certificates(
    site: Site, tmp_path: Path
) -> None:
    issued = ClientCertificate(DN, authority=site.authority)
    own = ClientCertificate(DN)
    by_authority = site.provider.register(
        **ROBOT, token_endpoint_auth_method="tls_client_auth", tls_client_auth_subject_dn=DN,
        tls_client_certificate_bound_access_tokens=True,
    )  # fmt: skip
    self_signed = site.provider.register(
        **ROBOT, token_endpoint_auth_method="self_signed_tls_client_auth", jwks=own.jwks
    )
    answer = token(site, by_authority, issued.write(tmp_path, "issued.pem"))
    assert answer.status == 200, answer.data
    found = site.provider.register(resource_server=True).introspect(answer.json()["access_token"])
    assert found["cnf"] == {"x5t#S256": issued.thumbprint}
    assert token(site, self_signed, own.write(tmp_path, "own.pem")).status == 200
    # The same subject, but nobody of the authorities has signed it.
    assert token(site, by_authority, own.write(tmp_path, "own.pem")).status == 401
    assert token(site, self_signed, issued.write(tmp_path, "issued.pem")).status == 401
    assert token(site, by_authority).status == 401


def test_clients_may_send_certificates_of_any_authority(site: Site) -> None:
    """Clients that know the names of the authorities send no certificate of their own."""
    command = ["openssl", "s_client", "-connect", urlsplit(site.mtls_url).netloc]
    said = subprocess.run(command, input="", capture_output=True, text=True, check=False).stdout
    assert "No client certificate CA names sent" in said
    assert "Client Certificate Types" in said or "Requested Signature Algorithms" in said


def test_what_a_client_sends_under_the_names_of_the_headers_is_removed_at_both_hosts(
    site: Site, tmp_path: Path
) -> None:
    issued = ClientCertificate(DN, authority=site.authority)
    client = site.provider.register(
        **ROBOT, token_endpoint_auth_method="tls_client_auth", tls_client_auth_subject_dn=DN
    )
    forged = {"Client-Cert": issued.escaped, "Client-Cert-Verify": "SUCCESS"}
    assert token(site, client, **forged).status == 401
    other = ClientCertificate("CN=other").write(tmp_path, "other.pem")
    assert token(site, client, other, **forged).status == 401
    assert token(site, client, url=site.url, **forged).status == 401
    underscored = {"Client_Cert": issued.escaped, "Client_Cert_Verify": "SUCCESS"}
    assert token(site, client, url=site.url, **underscored).status == 401
