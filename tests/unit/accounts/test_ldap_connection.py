"""A sign-in waits for the LDAP server no longer than ``oidc.ldap_timeout``, connecting included."""

from typing import Any

import pytest

pytest.importorskip("ldap", reason="OpenLDAP's server and python-ldap is not installed")

import ldap

from oidcserver.accounts.ldap import SETTINGS, connection
from oidcserver.interfaces import DirectoryUnavailable

SETTINGS_OF_TWO_SERVERS: dict[str, Any] = {
    **{name: default for name, _, default, _ in SETTINGS},
    "oidc.ldap_url": ("ldap://one.example", "ldap://two.example"),
    "oidc.ldap_timeout": 5,
}


class Handle:
    """A server that is slow to answer StartTLS, by a clock of its own."""

    def __init__(self, slow: float) -> None:
        self.now = 100.0
        self.slow = slow
        self.options: dict[int, Any] = {}
        self.waits: list[float] = []

    def set_option(self, name: int, value: Any) -> None:
        self.options[name] = value

    def start_tls_s(self) -> None:
        self.now += self.slow

    def simple_bind(self, dn: str, password: str) -> int:
        return 1

    def result3(self, message: int, timeout: float) -> None:
        self.waits.append(timeout)

    def unbind_s(self) -> None:
        """Close the connection."""


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Any:
    def connect(slow: float) -> Handle:
        handle = Handle(slow)
        monkeypatch.setattr(connection.ldap, "initialize", lambda url: handle)
        monkeypatch.setattr(connection.time, "monotonic", lambda: handle.now)
        with connection.connected(SETTINGS_OF_TWO_SERVERS) as connected:
            connected.bind("cn=reader", "word")
        return handle

    return connect


def test_the_time_begins_before_starttls(connect: Any) -> None:
    assert connect(slow=4).waits == [1]
    with pytest.raises(DirectoryUnavailable):
        connect(slow=5)


def test_two_servers_that_do_not_answer_take_no_longer_than_one(connect: Any) -> None:
    options = connect(slow=0).options
    for_each = options[ldap.OPT_NETWORK_TIMEOUT]
    # Connecting and TLS with each, and the answer of the last to StartTLS.
    assert for_each * 4 + options[ldap.OPT_TIMEOUT] <= 5
