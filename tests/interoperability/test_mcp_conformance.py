"""The conformance suite of the Model Context Protocol for authorization servers."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from support.app import Provider
from support.client_web import ClientWeb
from support.person import Person
from support.processes import free_port
from support.published_client import publish
from support.requirements import nodejs

HERE = Path(__file__).parent
pytestmark = pytest.mark.nodejs
PROFILES = {
    "development": {},
    "profile mcp": {"oauth__profile": "mcp", "oauth__grants": "authorization_code refresh_token"},
}


@pytest.fixture(params=PROFILES)
def provider(request: pytest.FixtureRequest, make_provider: Any, serve: Any) -> Provider:
    port = free_port()
    made: Provider = make_provider(
        oidc__issuer=f"http://127.0.0.1:{port}", **PROFILES[request.param]
    )
    serve(made.wsgi, port)
    return made


@pytest.fixture(params=["registered", "published"])
def client_id(
    request: pytest.FixtureRequest, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> str:
    """A public client with a loopback address, of which the suite chooses the port."""
    metadata = {
        "redirect_uris": ["http://127.0.0.1/callback"],
        "token_endpoint_auth_method": "none",
    }
    if request.param == "registered":
        return provider.register(**metadata).client_id
    web = ClientWeb()
    web.stand_in(provider, monkeypatch)
    return publish(web, provider, **metadata).client_id


def lines_of(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line.strip()


def test_every_check_of_the_suite_succeeds(
    provider: Provider, client_id: str, node_modules: Path, tmp_path: Path
) -> None:
    port = free_port()
    suite = node_modules / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    command = [
        *(nodejs() or "", "--import", str(HERE / "node" / "older_node.mjs"), str(suite)),
        *("authorization", "--url", provider.issuer, "--client-id", client_id),
        *("--port", str(port), "--output-dir", str(tmp_path / "results")),
    ]
    said = []
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
    ) as process, Person() as person:  # fmt: skip
        try:
            for line in lines_of(process):
                said.append(line)
                if line.startswith(f"{provider.issuer}/oauth/authorize?"):
                    answer = person.authorize(line, f"http://127.0.0.1:{port}/callback")
                    assert requests.get(answer, timeout=10).ok
            assert process.wait(60) == 0, said
        finally:
            process.kill()
    results = [json.loads(path.read_text()) for path in tmp_path.rglob("checks.json")]
    checks = {check["name"]: check["status"] for result in results for check in result}
    assert len(checks) >= 3
    assert set(checks.values()) == {"SUCCESS"}, checks
