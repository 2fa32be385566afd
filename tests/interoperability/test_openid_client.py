"""openid-client with pushed requests, signed responses, devices, CIBA and DPoP, and by FAPI 2.0."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from joserfc.jwk import RSAKey
from support.documented import Documented
from support.fleet import Fleet
from support.person import Person
from support.processes import free_port
from support.relying_party_process import run_relying_party
from support.requirements import nodejs
from support.tls_relay import relay_tls

pytestmark = [pytest.mark.nodejs, pytest.mark.usefixtures("node_modules")]

HERE = Path(__file__).parent
TITLE = "openid-client"
FAPI = "openid-client by FAPI 2.0 Message Signing"
REDIRECT_URI = "https://app.example.com/callback"  # nobody is there: the person reads the URL only
#: Device and backchannel request, so that a test waits for two seconds and not for ten.
INTERVALS = {"oauth__device_poll_interval": "1", "oidc__ciba_interval": "1"}


class Site(NamedTuple):
    """A provider at an https URL, as a section of the page configures it, and the client."""

    fleet: Fleet
    #: Of the provider, which clients and users trust.
    certificate: Path
    client: dict[str, str]

    def run(self, program: str, **configuration: Any) -> dict[str, Any]:
        """Run a program with a user who does as it says; return its report."""
        values = {
            "issuer": self.fleet.issuer,
            "redirect_uri": REDIRECT_URI,
            **self.client,
            **configuration,
        }
        with pytest.MonkeyPatch.context() as patch, Person() as person:
            patch.setenv("NODE_EXTRA_CA_CERTS", str(self.certificate))
            person.http.verify = str(self.certificate)
            command = [nodejs() or "", str(HERE / program)]
            report, _ = run_relying_party(command, values, person)
        return report


@contextmanager
def site(title: str, directory: Path, keys_directory: Path) -> Iterator[Site]:
    """Configure a provider as a section says, and register its client."""
    page = Documented(title)
    port = free_port()
    settings = {**page.settings(), **INTERVALS, "oidc__issuer": f"https://localhost:{port}"}
    url = f"sqlite:///{directory / 'test.sqlite'}"
    with (
        Fleet(directory, 1, url, keys_directory, **settings) as fleet,
        relay_tls(port, fleet.servers[0].port, directory) as certificate,
    ):
        # CIBA finds users whom the provider knows.
        fleet.set_claims("alice", {})
        yield Site(fleet, certificate, page.create_client(fleet.inis[0], folder=directory))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, keys_directory: Path) -> Iterator[Site]:
    with site(TITLE, tmp_path_factory.mktemp("plain"), keys_directory) as found:
        yield found


@pytest.mark.parametrize("bound", [False, True], ids=["bearer", "DPoP"])
@pytest.mark.parametrize("flow", ["pushed", "answered by JWT", "device", "backchannel"])
def test_each_flow(plain: Site, flow: str, bound: bool) -> None:
    scope = "openid profile email offline_access"
    report = plain.run("openid_client_grants.mjs", scope=scope, flow=flow, bound=bound)
    assert report["userinfo"]["preferred_username"] == "alice"
    assert report["token_type"] == ("dpop" if bound else "bearer")
    assert report.get("confirmation") == ({"jkt": report["thumbprint"]} if bound else None)
    if flow in {"device", "backchannel"}:
        assert report["handled"] == ["authorization_pending"]
        return
    assert report["handled"] == []
    assert sorted(report["sent"]) == ["client_id", "request_uri"]
    plainly = ["code", "iss", "state"]
    assert sorted(report["answered"]) == (["response"] if "JWT" in flow else plainly)


def test_message_signing(tmp_path: Path, keys_directory: Path) -> None:
    """All of FAPI 2.0 Message Signing in one login, and a backchannel request by FAPI-CIBA."""
    key = RSAKey.generate_key(2048, {"kid": "client", "alg": "PS256", "use": "sig"})
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    with site(FAPI, tmp_path, keys_directory) as found:
        report = found.run("openid_client_fapi.mjs", jwk=key.as_dict(private=True))
    assert sorted(report["pushed"]) == ["client_id", "request"]
    assert sorted(report["sent"]) == ["client_id", "request_uri"]
    assert report["answered"] == ["response"]
    assert report["token_type"] == "dpop"
    assert report["confirmation"] == {"jkt": report["thumbprint"]}
    assert report["as_bearer"] == 401
    assert not report["rotated"]
    assert report["userinfo"]["sub"] == report["subject"]
    assert report["userinfo"]["preferred_username"] == "alice"
    assert report["backchannel"] == {"token_type": "dpop", "subject": report["subject"]}
    # The first proof had no nonce; each answer brings the next one.
    assert report["handled"] == ["use_dpop_nonce"]


def test_the_page_shows_what_the_programs_do() -> None:
    replacements = {
        "'https://login.example.com'": "issuer",
        "'CLIENT_ID'": "client_id",
        "'CLIENT_SECRET'": "client_secret",
        "redirect_uri: 'https://app.example.com/callback'": "redirect_uri",
    }
    for title, program, blocks in (
        (TITLE, "openid_client_grants.mjs", 2),
        (FAPI, "openid_client_fapi.mjs", 3),
    ):
        page, text = Documented(title, replacements), (HERE / program).read_text()
        for number in range(blocks):
            for line in page.block("js", number).splitlines():
                assert line.strip() in text
