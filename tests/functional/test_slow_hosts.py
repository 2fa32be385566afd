"""A stranger who names many slow hosts stops neither the other clients nor, for long, strangers."""

import itertools
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import webtest
from joserfc.jwk import ECKey
from support.app import Provider
from support.assertions import Signer
from support.client_host import ClientHost

pytestmark = pytest.mark.both_databases

SELECTED = {
    "oauth__endpoints": "authorization token jwks registration openid_configuration",
    "oauth__registration": "open",
    "oauth__registration_limit": "1000",
    "oauth__outbound_timeout": "1",
    "oauth__outbound_places": "2",
    "oauth__outbound_allow_loopback": "true",
}
KEY = ECKey.generate_key("P-256", {"kid": "1"})
JWKS = json.dumps({"keys": [KEY.as_dict(private=False)]})
#: The networks of an attacker, of the other strangers, and of the clients that the operator knows.
ATTACKER, STRANGERS, OPERATED = "203.0.113.9", "198.51.100.{}", "192.0.2.1"
HOSTS = 6
#: The statuses for a client that authenticated, and for one whose keys cannot be had.
PROVEN, UNPROVEN = 400, 401


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(**SELECTED)
    return made


@pytest.fixture
def slow_hosts() -> Iterator[list[str]]:
    """The URLs of hosts that accept connections, and never answer."""
    sockets = [socket.create_server(("127.0.0.1", 0), backlog=64) for _ in range(HOSTS)]
    yield [f"http://127.0.0.1:{each.getsockname()[1]}/keys" for each in sockets]
    for each in sockets:
        each.close()


class Robot:
    """A client that authenticates by the keys at a URL, from one network."""

    def __init__(self, provider: Provider, jwks_uri: str, network: str, *, known: bool) -> None:
        self._http = webtest.TestApp(provider.wsgi, extra_environ={"REMOTE_ADDR": network})
        members = {
            "jwks_uri": jwks_uri,
            "redirect_uris": ["https://client.example/cb"],
            "token_endpoint_auth_method": "private_key_jwt",
        }
        if known:
            client_id = provider.register(**members).client_id
        else:
            client_id = self._http.post_json("/oauth/register", members).json["client_id"]
        self._signer = Signer(client_id, "ES256", KEY, provider.issuer)

    def ask(self) -> webtest.TestResponse:
        """Authenticate; the status is 400 if that succeeds, since there is no such code."""
        assertion = self._signer.sign(self._signer.claims(), kid="1")
        form = {"grant_type": "authorization_code", "code": "x", **self._signer.form(assertion)}
        return self._http.post("/oauth/token", form, status="*")


def attackers(provider: Provider, slow_hosts: list[str]) -> list[Robot]:
    return [Robot(provider, uri, ATTACKER, known=False) for uri in slow_hosts]


def test_a_stranger_has_one_timeout_in_a_minute_however_many_hosts_there_are(
    provider: Provider, host: ClientHost, slow_hosts: list[str], clock: Any
) -> None:
    hostile = attackers(provider, slow_hosts)
    answers = [robot.ask() for robot in hostile]
    assert [answer.status_int for answer in answers] == [UNPROVEN] + [429] * (HOSTS - 1)
    assert all(0 < int(answer.headers["Retry-After"]) <= 60 for answer in answers[1:])
    assert "oauth.outbound_timeout" in answers[1].json["error_description"]
    uris = [host.publish(f"/{number}", JWKS) for number in range(5)]
    for number, uri in enumerate(uris):
        assert (
            Robot(provider, uri, STRANGERS.format(number), known=False).ask().status_int == PROVEN
        )
    clock.advance(60)
    assert [robot.ask().status_int for robot in hostile[1:]] == [UNPROVEN] + [429] * (HOSTS - 2)


def test_while_strangers_wait_known_clients_have_their_keys_fetched_and_renewed(
    provider: Provider, host: ClientHost, slow_hosts: list[str], clock: Any
) -> None:
    robots = [
        Robot(provider, host.publish(f"/{number}", JWKS), OPERATED, known=True)
        for number in range(10)
    ]
    stop = threading.Event()

    def attack(uri: str) -> Counter[int]:
        """Ask from more and more networks, as one who has many addresses."""
        statuses: Counter[int] = Counter()
        for number in itertools.count():
            network = f"2001:db8:{slow_hosts.index(uri)}:{number:x}::1"
            statuses[Robot(provider, uri, network, known=False).ask().status_int] += 1
            if stop.wait(0.02):
                break
        return statuses

    with ThreadPoolExecutor(HOSTS) as pool:
        attacks = [pool.submit(attack, uri) for uri in slow_hosts[:3]]
        try:
            for round_ in range(3):
                assert [robot.ask().status_int for robot in robots] == [PROVEN] * len(robots)
                assert len(host.requests) == (round_ + 1) * len(robots)
                clock.advance(301)
                time.sleep(0.3)
        finally:
            stop.set()
        statuses = sum((attack.result(30) for attack in attacks), Counter[int]())
    assert statuses[UNPROVEN] > 0, "hosts were waited for"
    assert statuses[503] > 0, "there was no place for the others"


def test_what_strangers_name_is_counted_and_known_keys_are_renewed(
    make_provider: Any, host: ClientHost, clock: Any
) -> None:
    provider = make_provider(**SELECTED, oauth__client_document_limit="8")
    robots = [
        Robot(provider, host.publish(f"/{number}", JWKS), ATTACKER, known=False)
        for number in range(4)
    ]
    answers = [robot.ask() for robot in robots]
    assert [answer.status_int for answer in answers] == [PROVEN, PROVEN, 429, 429]
    assert "oauth.client_document_limit" in answers[2].json["error_description"]
    clock.advance(55)
    assert robots[0].ask().status_int == PROVEN
    assert host.requests == ["/0", "/1"]
    clock.advance(250)
    # The minute is over, and what is known does not count.
    assert [robot.ask().status_int for robot in robots] == [PROVEN] * 4
    assert host.requests == ["/0", "/1", "/0", "/1", "/2", "/3"]
    known = [
        Robot(provider, host.publish(f"/known{number}", JWKS), OPERATED, known=True)
        for number in range(12)
    ]
    assert [robot.ask().status_int for robot in known] == [PROVEN] * 12
