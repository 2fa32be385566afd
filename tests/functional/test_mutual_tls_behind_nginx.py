"""Client certificates through the documented nginx: real TLS before a real process."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import urllib3
from support.app import Provider, RelyingParty
from support.certificates import ClientCertificate
from support.nginx import EXAMPLE, Nginx, documented_configuration
from support.processes import ServerProcess, free_port, write_ini
from support.tls_server import make_certificate

pytestmark = pytest.mark.nginx

MTLS = EXAMPLE.with_name("nginx-mtls.conf")
METHODS = "client_secret_basic tls_client_auth self_signed_tls_client_auth none"
ROBOT: dict[str, Any] = {
    "grant_types": ["client_credentials"],
    "redirect_uris": [],
    "response_types": [],
    "scope": "email",
}
DN = "CN=client,O=Example\\, Inc."


class Site(NamedTuple):
    """A provider behind nginx, and the same in this process, for what needs no proxy."""

    provider: Provider
    #: The host without client certificates, and the one with them.
    url: str
    mtls_url: str
    #: The certificate of nginx.
    trusted: Path
    authority: ClientCertificate
    #: The process itself, which does not know the caller as a proxy.
    process_url: str

    def token(
        self,
        client: RelyingParty,
        certificate: Path | None = None,
        *,
        url: str = "",
        **headers: str,
    ) -> Any:
        """Ask for a token of the client's own, by default at the mTLS host."""
        context = ssl.create_default_context(cafile=str(self.trusted))
        if certificate is not None:
            context.load_cert_chain(certificate)
        form = {"grant_type": "client_credentials", "client_id": client.client_id}
        with urllib3.PoolManager(ssl_context=context, retries=False) as http:
            return http.request(
                "POST",
                f"{url or self.mtls_url}/oauth/token",
                fields=form,
                encode_multipart=False,
                headers=headers,
            )


def mtls_configuration(port: int, folder: Path, certificate: Path) -> str:
    """Return the example with a port and files of this test."""
    text = MTLS.read_text(encoding="utf-8")
    for shown, own in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("/etc/ssl/mtls.login.example.com.pem", str(certificate)),
        ("/etc/ssl/private/mtls.login.example.com.pem", str(certificate)),
        ("/etc/ssl/client-authorities.pem", str(folder / "authorities.pem")),
    ):
        assert text.count(shown) == 1, shown
        text = text.replace(shown, own)
    return text


@pytest.fixture
def site(make_provider: Any, tmp_path: Path, keys_directory: Path) -> Iterator[Site]:
    with Nginx() as nginx:
        folder = nginx.directory
        authority = ClientCertificate("CN=Authority")
        (folder / "authorities.pem").write_text(authority.pem)
        trusted, tls_port, port = make_certificate(folder), free_port(), free_port()
        mtls_url = f"https://localhost:{tls_port}"
        settings = {
            "oidc__issuer": nginx.url,
            "oidcserver__database_url": f"sqlite:///{tmp_path / 'site.sqlite'}",
            "oidcserver__keys_directory": str(keys_directory),
            "oauth__grants": "authorization_code client_credentials refresh_token",
            "oauth__token_endpoint_auth_methods": METHODS,
            "oauth__sender_constraints": "mtls",
            "oauth__client_certificate_proxies": "127.0.0.1",
            "oauth__client_certificate_encoding": "escaped_pem",
            "oauth__mtls_base_url": mtls_url,
        }
        provider = make_provider(**settings)
        ini = write_ini(tmp_path / "site.ini", port, **settings)
        # As in production.ini, so that waitress replaces the address of the peer.
        trusting = (
            "trusted_proxy = 127.0.0.1\n"
            "trusted_proxy_headers = x-forwarded-for x-forwarded-proto x-forwarded-host\n"
            "clear_untrusted_proxy_headers = true\n"
        )
        ini.write_text(ini.read_text() + trusting)
        with ServerProcess(ini, port) as process:
            nginx.run(
                documented_configuration(nginx.port, [process.url])
                + mtls_configuration(tls_port, folder, trusted)
            )
            yield Site(provider, nginx.url, mtls_url, trusted, authority, process.url)


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
    answer = site.token(by_authority, issued.write(tmp_path, "issued.pem"))
    assert answer.status == 200, answer.data
    found = site.provider.register(resource_server=True).introspect(answer.json()["access_token"])
    assert found["cnf"] == {"x5t#S256": issued.thumbprint}
    assert site.token(self_signed, own.write(tmp_path, "own.pem")).status == 200
    # The same subject, but nobody of the authorities has signed it.
    assert site.token(by_authority, own.write(tmp_path, "own.pem")).status == 401
    assert site.token(self_signed, issued.write(tmp_path, "issued.pem")).status == 401
    assert site.token(by_authority).status == 401


def test_what_a_client_sends_under_the_names_of_the_headers_is_removed_at_both_hosts(
    site: Site, tmp_path: Path
) -> None:
    issued = ClientCertificate(DN, authority=site.authority)
    client = site.provider.register(
        **ROBOT, token_endpoint_auth_method="tls_client_auth", tls_client_auth_subject_dn=DN
    )
    forged = {"Client-Cert": issued.escaped, "Client-Cert-Verify": "SUCCESS"}
    assert site.token(client, **forged).status == 401
    other = ClientCertificate("CN=other").write(tmp_path, "other.pem")
    assert site.token(client, other, **forged).status == 401
    assert site.token(client, url=site.url, **forged).status == 401
    underscored = {"Client_Cert": issued.escaped, "Client_Cert_Verify": "SUCCESS"}
    assert site.token(client, url=site.url, **underscored).status == 401
