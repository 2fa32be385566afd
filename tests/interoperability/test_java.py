"""Spring Boot with its defaults, and the SDK of Nimbus."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from support.builds import HERE
from support.documented import Documented
from support.fleet import Fleet
from support.person import Person
from support.processes import end, free_port, wait_until_it_listens
from support.relying_party_process import run_relying_party

pytestmark = [pytest.mark.interoperability, pytest.mark.java]


@contextmanager
def spring(
    java: list[str], name: str, port: int, directory: Path, page: Documented
) -> Iterator[str]:
    """Run a Spring Boot application with the page's properties; its URL ends without a slash."""
    log = directory / f"{port}.log"
    arguments = [f"--{line}" for line in page.block("properties").splitlines()]
    command = [*java, name, "--server.address=127.0.0.1", f"--server.port={port}", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=directory, stdout=output, stderr=output)
    try:
        wait_until_it_listens(process, port, log, seconds=120)
        yield f"http://127.0.0.1:{port}"
    finally:
        end(process)


@pytest.fixture
def client(java: list[str], fleet: Fleet, tmp_path: Path) -> Iterator[str]:
    """The URL of an application that signs users in."""
    port = free_port()
    site = f"http://127.0.0.1:{port}"
    page = Documented(
        "Spring Boot, signing users in",
        {"https://login.example.com": fleet.issuer, "https://app.example.com": site},
    )
    page.create_client(fleet.inis[0])
    with spring(java, "parties.client.ClientApplication", port, tmp_path, page) as url:
        yield url


def is_signed_in(person: Person, site: str) -> bool:
    return person.send("GET", f"{site}/").status_code == 200


def test_spring_boot_signs_users_in_and_out(client: str, fleet: Fleet) -> None:
    with Person() as person:
        user = person.visit(f"{client}/").json()
        assert person.seen == ["login", "consent"]
        assert user["username"] == "alice"
        assert "@" in user["email"]

        page = person.visit(f"{client}/logout", {"_csrf": user["csrf"]})
        assert (page.url, page.text) == (f"{client}/signed-out", "signed out")
        answer = person.send("GET", f"{fleet.issuer}/account")
        assert "/login" in answer.headers["Location"]


def test_spring_boot_hears_of_a_logout_elsewhere(client: str, fleet: Fleet) -> None:
    with Person() as person:
        person.visit(f"{client}/")
        assert is_signed_in(person, client)
        person.sign_out(fleet.issuer)
        deadline = time.monotonic() + 30
        while is_signed_in(person, client):
            assert time.monotonic() < deadline, "the logout token did not arrive"
            time.sleep(0.1)


@pytest.mark.parametrize("how", ["JWT", "introspection"])
def test_spring_boot_as_resource_server(
    java: list[str], how: str, tmp_path: Path, keys_directory: Path
) -> None:
    """It checks JWTs by the published keys, and sealed tokens by introspection."""
    url = f"sqlite:///{tmp_path / 'provider.sqlite'}"
    page = Documented(f"Spring Boot as resource server, by {how}")
    settings = page.settings() if how == "JWT" else {}
    with Fleet(tmp_path, 1, url, keys_directory, **settings) as fleet:
        page.replacements["https://login.example.com"] = fleet.issuer
        if how == "introspection":
            page.create_client(fleet.inis[0])
        service = fleet.provider.register(
            grant_types=["client_credentials"], response_types=[], redirect_uris=[], scope="profile"
        )
        token = service.token(grant_type="client_credentials").json["access_token"]
        name, port = "parties.resource.ResourceApplication", free_port()
        with spring(java, name, port, tmp_path, page) as site:
            headers = {"Authorization": f"Bearer {token}"}
            answer = requests.get(f"{site}/", headers=headers, timeout=30)
            assert (answer.status_code, answer.text) == (200, service.client_id)
            headers = {"Authorization": f"Bearer {token[:-4]}AAAA"}
            assert requests.get(f"{site}/", headers=headers, timeout=30).status_code == 401


def test_nimbus(java: list[str], fleet: Fleet) -> None:
    redirect_uri = "http://127.0.0.1:9/callback"
    page = Documented("Nimbus OAuth 2.0 SDK", {"https://app.example.com/callback": redirect_uri})
    client = page.create_client(fleet.inis[0])
    configuration = {
        "issuer": fleet.issuer,
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
        "redirect_uri": redirect_uri,
    }
    with Person() as person:
        report, visits = run_relying_party(
            [*java, "parties.nimbus.NimbusClient"], configuration, person
        )
    assert visits == [["login", "consent"]]
    assert report["userinfo"]["sub"] == report["subject"]
    assert report["userinfo"]["preferred_username"] == "alice"
    assert report["rotated"]
    assert report["active"]
    assert report["revocation"] == 200
    assert not report["active_after_revocation"]


def test_the_page_shows_what_the_programs_do() -> None:
    nimbus = Documented(
        "Nimbus OAuth 2.0 SDK",
        {
            'new Issuer("https://login.example.com")': "issuer",
            'new ClientID("CLIENT_ID")': "client",
            'new Secret("CLIENT_SECRET")': "secret",
        },
    )
    resource = Documented("Spring Boot as resource server, by JWT")
    for page, path in (
        (nimbus, "nimbus/NimbusClient.java"),
        (resource, "resource/ResourceApplication.java"),
    ):
        program = (HERE / "java/src/main/java/parties" / path).read_text()
        for line in page.block("java").splitlines():
            assert line.strip() in program
