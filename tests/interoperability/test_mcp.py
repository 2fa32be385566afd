"""MCP clients register, log in, refresh and call a tool of an MCP server, by their SDKs alone."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from support.builds import python_environment
from support.documented import Documented
from support.fleet import Fleet
from support.person import Person
from support.processes import free_port
from support.relying_party_process import run_relying_party
from support.requirements import nodejs
from support.site_process import serve_site

PROGRAMS = Path(__file__).parent
#: As the examples of both SDKs register.
REDIRECT_URI = "http://localhost:8090/callback"
pytestmark = pytest.mark.nodejs


@pytest.fixture(scope="module")
def mcp_server(fleet: Fleet, node_modules: Path) -> Iterator[str]:
    """The URL of an MCP server that protects its tool by the provider's tokens."""
    port = free_port()
    client = Documented("MCP SDKs").create_client(fleet.inis[0])
    configuration = {
        "port": port,
        "issuer": fleet.issuer,
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
    }
    with serve_site([nodejs() or "", str(PROGRAMS / "node" / "mcp_server.mjs")], configuration):
        yield f"http://127.0.0.1:{port}/mcp"


def walk(fleet: Fleet, mcp_server: str, command: list[str]) -> None:
    """The client registers itself; the user signs in and consents once."""
    configuration = {
        "mcp_server": mcp_server,
        "issuer": fleet.issuer,
        "redirect_uri": REDIRECT_URI,
    }
    with Person() as person:
        report, visits = run_relying_party(command, configuration, person)
    assert visits == [["login", "consent"]]
    assert report["client"]["redirect_uris"] == [REDIRECT_URI]
    request = parse_qs(urlsplit(report["authorization_url"]).query)
    assert request["resource"] == [mcp_server]
    assert request["code_challenge_method"] == ["S256"]
    assert "profile" in report["tokens"]["scope"].split()  # which the MCP server requires
    assert report["refreshed"]
    assert report["subject"] == report["subject_after_refresh"]


def test_the_typescript_sdk(fleet: Fleet, mcp_server: str) -> None:
    walk(fleet, mcp_server, [nodejs() or "", str(PROGRAMS / "node" / "mcp_client.mjs")])


@pytest.mark.interoperability
def test_the_python_sdk(fleet: Fleet, mcp_server: str) -> None:
    python = str(python_environment("mcp"))
    walk(fleet, mcp_server, [python, str(PROGRAMS / "python" / "mcp" / "client.py")])
