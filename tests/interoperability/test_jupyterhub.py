"""JupyterHub with oauthenticator: the provider's groups make its admins."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from support.builds import python_environment
from support.documented import Documented
from support.fleet import Fleet
from support.person import Person
from support.processes import end, free_port, wait_until_it_listens
from support.requirements import nodejs

#: What the test needs beyond the page.
REST = Path(__file__).parent / "python" / "jupyterhub" / "jupyterhub_config.py"
TITLE = "JupyterHub with oauthenticator"
pytestmark = [pytest.mark.interoperability, pytest.mark.nodejs]


@pytest.fixture
def fleet(tmp_path: Path, keys_directory: Path) -> Iterator[Fleet]:
    """A provider with the settings of the page, where alice has the group staff."""
    url = f"sqlite:///{tmp_path / 'provider.sqlite'}"
    with Fleet(tmp_path, 1, url, keys_directory, **Documented(TITLE).settings()) as fleet:
        for username, groups in (("alice", ["staff"]), ("bob", ["guests"])):
            fleet.set_claims(username, {"groups": groups})
        yield fleet


@pytest.fixture
def hub(fleet: Fleet, node_modules: Path, tmp_path: Path) -> Iterator[str]:
    """The URL of a hub."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    page = Documented(
        TITLE, {"https://login.example.com": fleet.issuer, "https://hub.example.com": url}
    )
    page.create_client(fleet.inis[0])
    configuration = tmp_path / "jupyterhub_config.py"
    configuration.write_text(page.block("python") + REST.read_text())
    python = python_environment("jupyterhub")
    proxy = node_modules / "configurable-http-proxy" / "bin" / "configurable-http-proxy"
    environment = {
        **os.environ,
        "HUB_DIRECTORY": str(tmp_path),
        "HUB_URL": url,
        "HUB_PORT": str(free_port()),
        "PROXY_API_PORT": str(free_port()),
        "PROXY_COMMAND": f"{nodejs()} {proxy}",
    }
    log = tmp_path / "hub.log"
    command = [str(python), "-m", "jupyterhub", "--config", str(configuration)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=output, stderr=output
        )
    try:
        wait_until_it_listens(process, port, log)
        deadline = time.monotonic() + 60  # the proxy listens before it knows the hub
        while requests.get(f"{url}/hub/health", timeout=30).status_code != 200:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield url
    finally:
        end(process)


def test_groups_make_admins(hub: str, fleet: Fleet) -> None:
    for username, is_admin in (("alice", True), ("bob", False)):
        with Person(username) as person:
            home = person.visit(f"{hub}/hub/oauth_login?next=/hub/home")
            assert person.seen == ["login", "consent"]
            assert username in home.text
            assert (person.visit(f"{hub}/hub/admin").status_code == 200) is is_admin
            assert person.visit(f"{hub}/hub/logout").status_code == 200
            assert "/hub/login" in person.visit(f"{hub}/hub/home").url
