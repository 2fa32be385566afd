"""MCP clients find the provider, log in, refresh and call a tool, by their SDKs alone.

They are known by the document that they publish, or register themselves.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from pyramid.config import Configurator
from support.app import DEVELOPMENT, Provider
from support.builds import python_environment
from support.documented import Documented
from support.mcp_server import make_mcp_server
from support.person import Person
from support.processes import free_port, write_ini
from support.relying_party_process import run_relying_party
from support.requirements import nodejs
from support.site_process import serve_site
from support.tls_server import serve_https

PROGRAMS = Path(__file__).parent
#: As the examples of both SDKs register.
REDIRECT_URI = "http://localhost:8090/callback"
ENDPOINTS = (
    "authorization token introspection revocation jwks openid_configuration "
    "oauth_authorization_server registration"
)
pytestmark = pytest.mark.nodejs


class Way(NamedTuple):
    """A way to run the provider, and what the MCP server is made of."""

    server: str
    settings: dict[str, str]
    #: The path below which another application includes the provider.
    prefix: str = ""


PROFILE = {
    "oauth__profile": "mcp",
    "oauth__grants": "authorization_code refresh_token client_credentials",
}
WAYS = {
    "development": Way("Pyramid", {}),
    "development, a server of the SDK": Way("TypeScript SDK", {}),
    "profile mcp": Way("Pyramid", PROFILE),
    "embedded": Way("Pyramid", {}, "/auth"),
    "embedded, profile mcp": Way("Pyramid", PROFILE, "/auth"),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The URL of a client's document, and the certificate of its host."""
    port, folder = free_port(), tmp_path_factory.mktemp("client")
    url = f"https://localhost:{port}/oauth/client-metadata"
    members = {
        "client_id": url,
        "client_name": "A published MCP client",
        "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
    body = json.dumps(members).encode()

    def application(environ: Any, start_response: Any) -> list[bytes]:
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("200 OK", headers)
        return [body]

    with serve_https(application, port, folder):
        yield url, folder / "server.pem"


@pytest.fixture
def mcp_url() -> str:
    """The URL of the MCP server."""
    return f"http://127.0.0.1:{free_port()}/mcp"


@pytest.fixture
def provider(
    way: Way, mcp_url: str, make_provider: Any, serve: Any, provider_url: str,
    keys_directory: Path, document: tuple[str, Path],
) -> Iterator[Provider]:  # fmt: skip
    """A provider that answers at its issuer, alone or inside another application."""
    port, prefix = free_port(), way.prefix
    values = {
        "oidc__issuer": f"http://127.0.0.1:{port}{prefix}",
        "oauth__endpoints": ENDPOINTS,
        **Documented("MCP SDKs").settings(),
        "oauth__outbound_allow_loopback": "true",
        "oauth__outbound_ca_bundle": str(document[1]),
        "oauth__resources": f"{mcp_url}: | An MCP server",
        **way.settings,
    }
    made = _embedded(values, prefix, provider_url, keys_directory) if prefix else None
    provider = made or make_provider(**values)
    serve(provider.wsgi, port)
    yield provider
    if made is not None:
        made.close()


class Embedded(Provider):
    """A provider within another application."""

    def __init__(self, wsgi: Any) -> None:
        self.wsgi = wsgi
        self.registry = wsgi.registry
        self.issuer = self.registry.oidc.provider.issuer


def _embedded(values: dict[str, str], prefix: str, url: str, keys_directory: Path) -> Provider:
    own = {name.replace("__", ".", 1): value for name, value in values.items()}
    settings = {
        **DEVELOPMENT,
        "oidcserver.database_url": url,
        "oidcserver.keys_directory": str(keys_directory),
        **own,
    }
    with Configurator(settings=settings) as config:
        config.include("oidcserver", route_prefix=prefix)
    return Embedded(config.make_wsgi_app())


@pytest.fixture
def mcp_server(
    way: Way, mcp_url: str, provider: Provider, provider_url: str, keys_directory: Path,
    tmp_path: Path, node_modules: Path, serve: Any, monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:  # fmt: skip
    """The URL of an MCP server that protects its tool by the provider's tokens."""
    port = urlsplit(mcp_url).port or 0
    ini = write_ini(
        tmp_path / "provider.ini",
        port,
        **DEVELOPMENT,
        oidcserver__database_url=provider_url,
        oidcserver__keys_directory=str(keys_directory),
    )
    client = Documented("MCP SDKs").create_client(ini)
    if way.server == "Pyramid":
        monkeypatch.setenv("MCP_SERVER_SECRET", client["client_secret"])
        wsgi = make_mcp_server(
            mcp_url,
            provider.issuer,
            validator="introspection",
            introspection_endpoint=f"{provider.issuer}/oauth/introspect",
            client_id=client["client_id"],
            client_secret="env:MCP_SERVER_SECRET",
        )
        serve(wsgi, port)
        yield mcp_url
        return
    configuration = {
        "port": port,
        "issuer": provider.issuer,
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
    }
    with serve_site([nodejs() or "", str(PROGRAMS / "node" / "mcp_server.mjs")], configuration):
        yield mcp_url


def typescript_sdk() -> list[str]:
    return [nodejs() or "", str(PROGRAMS / "node" / "mcp_client.mjs")]


def python_sdk() -> list[str]:
    return [str(python_environment("mcp")), str(PROGRAMS / "python" / "mcp" / "client.py")]


SDKS = [
    typescript_sdk,
    pytest.param(python_sdk, marks=pytest.mark.interoperability),
]


def walk(
    provider: Provider, mcp_server: str, sdk: Callable[[], list[str]], document: str | None = None
) -> dict[str, Any]:
    """Let the user sign in and consent once; return what the client says of it."""
    configuration = {
        "mcp_server": mcp_server,
        "issuer": provider.issuer,
        "redirect_uri": REDIRECT_URI,
        "client_metadata_url": document,
    }
    with Person() as person:
        report, visits = run_relying_party(sdk(), configuration, person)
    assert visits == [["login", "consent"]]
    request = parse_qs(urlsplit(report["authorization_url"]).query)
    assert request["resource"] == [mcp_server]
    assert request["code_challenge_method"] == ["S256"]
    assert "profile" in report["tokens"]["scope"].split()  # which the MCP server requires
    assert report["refreshed"]
    assert report["subject"] == report["subject_after_refresh"]
    return report


@pytest.mark.parametrize("sdk", SDKS)
def test_a_client_is_known_by_its_document(
    provider: Provider, mcp_server: str, document: tuple[str, Path], sdk: Callable[[], list[str]]
) -> None:
    report = walk(provider, mcp_server, sdk, document[0])
    assert report["client"]["client_id"] == document[0]


@pytest.mark.parametrize("sdk", SDKS)
def test_a_client_registers_itself(
    provider: Provider, mcp_server: str, sdk: Callable[[], list[str]]
) -> None:
    report = walk(provider, mcp_server, sdk)
    assert report["client"]["redirect_uris"] == [REDIRECT_URI]
