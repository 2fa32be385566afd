"""The Kubernetes API server's token authenticator, and kubelogin, unmodified."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.builds import go_program
from support.documented import Documented
from support.fleet import Fleet
from support.person import Person
from support.processes import free_port
from support.relying_party_process import run_relying_party
from support.tls_relay import relay_tls

pytestmark = [pytest.mark.go, pytest.mark.interoperability]

TITLE = "kubectl and the Kubernetes API server"
GROUPS = ["developers", "system:masters"]
#: In the kubeconfig.
ARGUMENT = re.compile(r"- (--\S+)")


class Cluster:
    """A provider behind TLS, a client of it, and an API server's authenticator that trusts it."""

    def __init__(self, fleet: Fleet, certificate: Path, directory: Path) -> None:
        self.fleet = fleet
        self.certificate = certificate
        self.page = Documented(TITLE, {"https://login.example.com": fleet.issuer})
        self.client = self.page.create_client(fleet.inis[0])
        self.page.create_client(fleet.inis[0], number=1)  # an update
        self.subject = fleet.set_claims("alice", {"groups": GROUPS})
        authority = json.dumps(certificate.read_text())  # which is YAML too
        trusting = f"      certificateAuthority: {authority}\n    claimMappings:"
        configuration = directory / "authentication.yaml"
        configuration.write_text(self.page.block("yaml", 1).replace("    claimMappings:", trusting))
        self.authenticator = [str(go_program("kube-apiserver")), str(configuration)]

    def user(self) -> Person:
        """Return a user who trusts the certificate."""
        person = Person()
        person.http.verify = str(self.certificate)
        return person

    def authenticate(self, *tokens: str) -> list[dict[str, Any]]:
        """Return what the API server says of ID tokens."""
        said = subprocess.run(
            self.authenticator,
            input="\n".join(tokens),
            capture_output=True,
            text=True,
            timeout=90,
            check=True,
        )
        return [json.loads(line) for line in said.stdout.splitlines()]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, keys_directory: Path) -> Iterator[Cluster]:
    """The provider with the settings of the page, at an https URL, and its cluster."""
    directory = tmp_path_factory.mktemp("kubernetes")
    port = free_port()
    page = Documented(TITLE)
    settings = {
        **page.settings(),
        **page.settings(1),
        "oauth__device_poll_interval": "1",  # not five seconds, so that the test is quick
        "oidc__issuer": f"https://localhost:{port}",
    }
    url = f"sqlite:///{directory / 'test.sqlite'}"
    with ExitStack() as stack:
        fleet = stack.enter_context(Fleet(directory, 1, url, keys_directory, **settings))
        certificate = stack.enter_context(relay_tls(port, fleet.servers[0].port, directory))
        yield Cluster(fleet, certificate, directory)


def test_the_api_server_reads_user_and_groups(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ID token of a login as kubelogin's: a public client, PKCE, a page of localhost."""
    monkeypatch.setenv("SSL_CERT_FILE", str(cluster.certificate))
    configuration: dict[str, Any] = {
        "issuer": cluster.fleet.issuer,
        "client_id": cluster.client["client_id"],
        "redirect_uri": f"http://localhost:{free_port()}",
        "scope": "openid groups",
    }
    with cluster.user() as user:
        report, _ = run_relying_party([str(go_program("go-oidc"))], configuration, user)
    first, refreshed, tampered = cluster.authenticate(
        report["id_token"], report["id_token_after_refresh"], report["id_token"][:-8] + "AAAAAAAA"
    )
    expected = {
        "username": f"oidc:{cluster.subject}",
        "groups": [f"oidc:{group}" for group in GROUPS],
        "error": "",
    }
    assert first == refreshed == expected
    assert "failed to verify signature" in tampered["error"]


def kubelogin(cluster: Cluster, cache: Path, *blocks: int) -> list[str]:
    """Return the command with the arguments in blocks of the page."""
    arguments = [
        found for block in blocks for found in ARGUMENT.findall(cluster.page.block("yaml", block))
    ]
    program = go_program("kubelogin", "github.com/int128/kubelogin")
    trust = f"--certificate-authority={cluster.certificate}"
    return [str(program), "get-token", *arguments, trust, f"--token-cache-dir={cache}"]


def test_kubelogin(cluster: Cluster, tmp_path: Path) -> None:
    port = free_port()
    get_token = kubelogin(cluster, tmp_path / "cache", 0)
    get_token.append(f"--listen-address=127.0.0.1:{port}")

    def signs_in() -> str:
        """Run it with a user who opens the page that it shows; return the ID token."""
        command = [*get_token, "--skip-open-browser"]
        with (
            cluster.user() as user,
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            ) as process,
        ):
            assert process.stdout is not None
            assert process.stderr is not None
            for line in process.stderr:
                if "visit" in line or "http://localhost" in line:
                    break
            page = user.visit(f"http://localhost:{port}/")
            assert "Authenticated" in page.text
            token: str = json.load(process.stdout)["status"]["token"]
            assert process.wait(timeout=30) == 0
            return token

    first = signs_in()
    # From its cache, and then by the refresh token: no user is needed.
    again, refreshed = (
        json.loads(subprocess.check_output([*get_token, *more], timeout=30))["status"]["token"]
        for more in ((), ("--force-refresh",))
    )
    assert again == first
    assert refreshed != first
    for said in cluster.authenticate(first, refreshed):
        assert said["username"] == f"oidc:{cluster.subject}"
        assert said["groups"] == [f"oidc:{group}" for group in GROUPS]


def test_kubelogin_with_a_device_code(cluster: Cluster, tmp_path: Path) -> None:
    """On a machine without a browser; the user opens the link on another one."""
    get_token = kubelogin(cluster, tmp_path / "cache", 0, 2)
    with (
        cluster.user() as user,
        subprocess.Popen(
            get_token, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        links = (re.search(r"https://\S+user_code=\S+", line) for line in process.stderr)
        user.connect_device(next(link[0] for link in links if link))
        token: str = json.load(process.stdout)["status"]["token"]
        assert process.wait(timeout=30) == 0
    assert user.seen == ["login", "device", "decision"]
    refreshed = json.loads(subprocess.check_output([*get_token, "--force-refresh"], timeout=30))
    for said in cluster.authenticate(token, refreshed["status"]["token"]):
        assert said["username"] == f"oidc:{cluster.subject}"
        assert said["groups"] == [f"oidc:{group}" for group in GROUPS]
