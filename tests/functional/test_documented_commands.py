"""The commands of the pages about grants and their kin work as shown, against ``make serve``."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from joserfc import jws
from support.processes import ServerProcess, copy_development_ini, free_port
from support.reader import Reader, section

pytestmark = pytest.mark.curl


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, keys_directory: Path
) -> Iterator[tuple[Path, int]]:
    """What ``make serve`` runs, for the sections that change nothing of it."""
    port = free_port()
    ini = copy_development_ini(tmp_path_factory.mktemp("served"), port, keys_directory)
    with ServerProcess(ini, port):
        yield ini, port


@pytest.fixture
def reader(served: tuple[Path, int]) -> Reader:
    return Reader(*served)


@pytest.fixture
def own_reader(tmp_path: Path, keys_directory: Path) -> Reader:
    """A reader who runs ``make serve`` where the page says so."""
    port = free_port()
    return Reader(copy_development_ini(tmp_path, port, keys_directory), port)


def test_codes_and_refresh_tokens(reader: Reader) -> None:
    reader.tries(section("grants.md", "Codes and refresh tokens"))
    assert reader.answer["scope"] == "openid profile offline_access"


def test_services(reader: Reader) -> None:
    reader.tries(section("grants.md", "Services"))
    assert reader.answer.keys() == {"access_token", "token_type", "expires_in", "scope"}


def test_grants_of_old_applications(reader: Reader) -> None:
    reader.tries(section("grants.md", "Grants of old applications"))
    assert reader.variables["id_token"].count(".") == 2, "of the hybrid flow"
    assert reader.answer["scope"] == "profile", "of the password grant"


def test_the_device_grant(reader: Reader) -> None:
    reader.tries(section("grants.md", "Devices"))
    assert reader.answer.keys() >= {"access_token", "refresh_token", "id_token"}


def test_token_exchange(reader: Reader) -> None:
    reader.tries(section("grants.md", "The request"))
    assert reader.answer["aud"] == "http://localhost:6545/orders"
    assert reader.answer["act"]["sub"] == "shop"
    assert reader.answer["scope"] == "profile"


def test_assertions_for_another_authorization_server(own_reader: Reader) -> None:
    own_reader.tries(section("grants.md", "Assertions for another authorization server (ID-JAG)"))
    assert own_reader.answer["token_type"] == "N_A"
    assert own_reader.answer["scope"] == "pages:read"


def test_assertions_of_other_issuers(own_reader: Reader) -> None:
    """The last of them is an ID-JAG."""
    own_reader.tries(section("grants.md", "Assertions of other issuers"))
    assert own_reader.answer["access_token"]
    assert own_reader.answer["scope"] == "profile email"


def test_backchannel_authentication(reader: Reader) -> None:
    """The first client polls; the second one is notified."""
    reader.tries(section("backchannel-authentication.md", "The client"))
    assert "refresh_token" in reader.variables, "of the first"
    assert reader.answer.keys() >= {"access_token", "id_token"}
    token, request = "8d67dc78-7faa-4d41-aabd-67707b374255", reader.variables["auth_req_id"]
    [log] = reader.logs
    assert f"Bearer {token} {request}\n" in log.read_text()


def test_pushed_requests_and_signed_introspection(reader: Reader) -> None:
    reader.tries(section("pushed-requests.md", "Pushed authorization requests"))
    assert reader.answer["scope"] == "openid profile"
    reader.tries(section("pushed-requests.md", "Signed introspection"))
    signed = jws.extract_compact(reader.printed.strip().encode())
    assert signed.protected["typ"] == "token-introspection+jwt"


def test_dpop(reader: Reader) -> None:
    reader.tries(section("sender-constrained.md", "DPoP, for developers of clients"))
    assert reader.answer["token_type"] == "DPoP"


def test_a_profile_for_one_client(reader: Reader) -> None:
    reader.tries(section("profiles.md", "A profile for one client"))
    assert reader.answer["token_type"] == "DPoP"
    assert "refresh_token" not in reader.answer, "the client keeps it"


def test_resource_indicators(own_reader: Reader) -> None:
    own_reader.tries(section("resources.md", "Ask for a token"))
    assert own_reader.answer["aud"] == "http://localhost:6545/orders"


def test_a_protected_application(own_reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("PORT", str(port))
    text = section("protecting.md", "Try it").replace("localhost:6545", f"localhost:{port}")
    own_reader.tries(text)
    assert own_reader.answer == {"owner": own_reader.variables["client_id"]}


def test_authorization_details(own_reader: Reader) -> None:
    own_reader.tries(section("resources.md", "Authorization details"))
    [payment] = own_reader.answer["authorization_details"]
    assert payment["instructedAmount"] == {"currency": "EUR", "amount": "123.50"}


def test_a_client_that_publishes_its_metadata(own_reader: Reader) -> None:
    own_reader.tries(section("mcp.md", "Try it"))
    assert own_reader.answer["access_token"]
