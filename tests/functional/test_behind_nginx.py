"""The documented nginx before a server of production.ini's limits: whatever is sent arrives."""

import json
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import closing
from pathlib import Path
from shutil import copy
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
import urllib3
from support.app import Browser, Provider, RelyingParty, decode_id_token
from support.nginx import Nginx
from support.processes import ServerProcess, free_port, write_ini

from oidcserver.models import User

pytestmark = pytest.mark.nginx

PRODUCTION = Path(__file__).parents[2] / "production.ini"
#: Four thousand characters, each of which is three when it stands in a URL.
STATE = '"' * 4000
#: What makes an ID token of 70 groups' size.
ADDRESS = {"formatted": "x" * 6000}


def serve(ini: Path, port: int) -> ServerProcess:
    """Start a server with the limits of production.ini."""
    parser = ConfigParser(interpolation=None)
    parser.read(PRODUCTION)
    limits = [
        f"{name} = {value}"
        for name, value in parser["server:main"].items()
        if name.startswith("max_request")
    ]
    assert len(limits) == 2
    text = ini.read_text()
    ini.write_text(text.replace("threads = 4", "\n".join(["threads = 4", *limits])))
    return ServerProcess(ini, port)


class Site:
    """A provider at the proxy, and the same in this process, for what needs no proxy."""

    def __init__(self, provider: Provider, url: str) -> None:
        self.provider = provider
        self.url = url
        self.http = urllib3.PoolManager()

    def get(
        self, path: str, browser: Browser | None = None, *, method: str = "GET", **headers: str
    ) -> Any:
        """Send a request through the proxy, with a browser's cookies."""
        if browser is not None:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in browser.cookies.items())
        return self.http.request(
            method, self.url + path, headers=headers, redirect=False, retries=False
        )


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, empty_provider_database: Path, keys_directory: Path
) -> Iterator[Site]:
    """A site that all tests share, since it takes long to start."""
    directory = tmp_path_factory.mktemp("site")
    with Nginx() as proxy:
        settings: dict[str, object] = {
            "oidc__issuer": proxy.url,
            "oidcserver__database_url": (
                f"sqlite:///{copy(empty_provider_database, directory / 'site.sqlite')}"
            ),
            "oidcserver__keys_directory": str(keys_directory),
            "oauth__grants": "authorization_code implicit hybrid refresh_token",
        }
        port = free_port()
        ini = write_ini(directory / "site.ini", port, **settings)
        with closing(Provider(settings)) as provider, serve(ini, port) as process:
            proxy.start([process.url])
            yield Site(provider, proxy.url)


@pytest.fixture
def client(site: Site) -> RelyingParty:
    return site.provider.register(
        grant_types=["authorization_code", "implicit"],
        response_types=["code", "id_token", "code id_token"],
        scope="openid profile address",
    )


@pytest.fixture
def browser(site: Site, client: RelyingParty) -> Browser:
    """A browser that is signed in and has allowed everything for good."""
    browser = site.provider.browser()
    browser.sign_in()
    form = client.authorize(browser, scope="openid profile address").forms["consent"]
    form["remember"] = True
    form.submit("decision", value="allow")
    with site.provider.database() as dbsession:
        dbsession.query(User).one().claims = {"address": ADDRESS}
    return browser


def authorize(site: Site, client: RelyingParty, browser: Browser, **changes: Any) -> dict[str, str]:
    """Ask with a long state; return the parameters of the answer."""
    query = urlencode(client.parameters(state=STATE, **changes), quote_via=quote)
    answer = site.get(f"/oauth/authorize?{query}", browser)
    assert answer.status == 303, answer.data
    parts = urlsplit(answer.headers["Location"])
    found = parse_qs(parts.query or parts.fragment)
    return {name: values[0] for name, values in found.items()}


def test_a_code_beside_a_state_of_four_thousand_characters_is_redeemed(
    site: Site, client: RelyingParty, browser: Browser
) -> None:
    answer = authorize(site, client, browser)
    assert answer["state"] == STATE
    assert "access_token" in client.exchange(answer["code"])


def test_a_large_id_token_beside_it_arrives_whole(
    site: Site, client: RelyingParty, browser: Browser
) -> None:
    answer = authorize(
        site, client, browser, response_type="id_token", scope="openid address",
        code_challenge=None, code_challenge_method=None,
    )  # fmt: skip
    assert answer["state"] == STATE
    assert decode_id_token(site.provider, answer["id_token"])["address"] == ADDRESS
    assert len(answer["id_token"]) > 8000


def test_what_is_as_long_is_accepted_too(
    site: Site, client: RelyingParty, browser: Browser
) -> None:
    """An ID token as a hint is no longer."""
    more = urlencode({f"unknown{number}": "x" * 3900 for number in range(12)})
    query = urlencode(client.parameters(state=STATE), quote_via=quote)
    answer = site.get(
        f"/oauth/authorize?{query}&{more}", browser, **{"Accept-Language": "x" * 6000}
    )
    assert answer.status == 303
    assert len(query) + len(more) > 58000


def test_what_is_longer_still_is_told_so(site: Site) -> None:
    more = urlencode({f"unknown{number}": "x" * 3900 for number in range(17)})
    assert site.get(f"/oauth/authorize?{more}").status == 414


def test_an_issuer_with_a_path_is_found_by_the_documented_rules(
    make_provider: Any, tmp_path: Path, provider_url: str, keys_directory: Path
) -> None:
    with Nginx() as proxy:
        settings: dict[str, object] = {
            "oidc__issuer": f"{proxy.url}/auth",
            "oidcserver__database_url": provider_url,
            "oidcserver__keys_directory": str(keys_directory),
        }
        provider = make_provider(**settings)
        port = free_port()
        with serve(write_ini(tmp_path / "site.ini", port, **settings), port) as process:
            proxy.start([process.url] * 3, issuer_has_path=True)
            site = Site(provider, proxy.url)
            for name in ("openid-configuration", "oauth-authorization-server"):
                documents = [
                    json.loads(site.get(path).data)
                    for path in (f"/.well-known/{name}/auth", f"/auth/.well-known/{name}")
                ]
                assert documents[0] == documents[1]
                assert documents[0]["issuer"] == provider.issuer
                keys = site.get(documents[0]["jwks_uri"].removeprefix(proxy.url))
                assert json.loads(keys.data)["keys"]
                assert site.get(f"/.well-known/{name}").status == 404
