"""A provider behind the documented nginx, which has a host that requests client certificates."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from support.app import DEVELOPMENT, Provider
from support.certificates import ClientCertificate
from support.nginx import EXAMPLE, Nginx, documented_configuration
from support.processes import ServerProcess, free_port, write_ini
from support.tls_server import make_certificate

MTLS = EXAMPLE.with_name("nginx-mtls.conf")
#: What stands in the settings for the URL of the host with client certificates.
MTLS_URL = "https://mtls.login.example.com"
#: As in production.ini, so that waitress replaces the address of the peer.
TRUSTING = (
    "trusted_proxy = 127.0.0.1\n"
    "trusted_proxy_headers = x-forwarded-for x-forwarded-proto x-forwarded-host\n"
    "clear_untrusted_proxy_headers = true\n"
)


class Site(NamedTuple):
    """A provider behind nginx, and the same in this process, for what needs no proxy."""

    provider: Provider
    ini: Path
    #: The host without client certificates, and the one with them.
    url: str
    mtls_url: str
    #: The certificate of nginx.
    trusted: Path
    authority: ClientCertificate


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


@contextmanager
def serve_behind_nginx(
    directory: Path, keys_directory: Path, settings: dict[str, str]
) -> Iterator[Site]:
    """Run a provider with these settings, where ``MTLS_URL`` stands for the host."""
    with Nginx() as nginx:
        folder = nginx.directory
        authority = ClientCertificate("CN=Authority")
        (folder / "authorities.pem").write_text(authority.pem)
        trusted, tls_port, port = make_certificate(folder), free_port(), free_port()
        mtls_url = f"https://localhost:{tls_port}"
        values = {
            **{name.replace(".", "__", 1): value for name, value in DEVELOPMENT.items()},
            "oidc__issuer": nginx.url,
            "oidcserver__database_url": f"sqlite:///{directory / 'site.sqlite'}",
            "oidcserver__keys_directory": str(keys_directory),
            **{name: value.replace(MTLS_URL, mtls_url) for name, value in settings.items()},
        }
        ini = write_ini(directory / "site.ini", port, **values)
        ini.write_text(ini.read_text() + TRUSTING)
        with (
            closing(Provider({**values})) as provider,
            ServerProcess(ini, port) as process,
        ):
            nginx.run(
                documented_configuration(nginx.port, [process.url])
                + mtls_configuration(tls_port, folder, trusted)
            )
            yield Site(provider, ini, nginx.url, mtls_url, trusted, authority)
