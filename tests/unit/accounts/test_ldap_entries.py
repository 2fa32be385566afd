"""What becomes of entries that a server of the tests cannot have."""

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

pytest.importorskip("ldap", reason="OpenLDAP's server and python-ldap is not installed")

from oidcserver.accounts.ldap import SETTINGS
from oidcserver.accounts.ldap.connection import Entry
from oidcserver.accounts.ldap.entries import find_entries, identifier_of, user_of
from oidcserver.accounts.ldap.groups import groups_of
from oidcserver.oidc.claim_types import claim_lines

DEFAULTS: dict[str, Any] = {
    "oidc.claims": {},
    **{name: default for name, _, default, _ in SETTINGS},
}
GUID = UUID("a1b2c3d4-e5f6-4711-8899-aabbccddeeff")


class NoConnection:
    """Notes the filter of a search, and finds nothing."""

    pattern = ""

    def search(self, base: str, pattern: str, attributes: Sequence[str], most: int) -> list[Entry]:
        self.pattern = pattern
        return []


def test_an_identifier_of_another_attribute_has_no_entry() -> None:
    """It was stored before ``oidc.ldap_id_attribute`` was changed."""
    settings = {**DEFAULTS, "oidc.ldap_id_attribute": "objectGUID"}
    connection: Any = NoConnection()
    assert find_entries(connection, settings, ["alice", "", "7"]) == ()
    assert connection.pattern == ""
    find_entries(connection, settings, ["alice", str(GUID)])
    assert connection.pattern.count("objectGUID=") == 1


def entry(**values: list[bytes]) -> Entry:
    return Entry("uid=alice,dc=example,dc=com", {k.lower(): v for k, v in values.items()})


def test_a_guid_of_active_directory_is_text_here_and_bytes_there() -> None:
    settings = {
        **DEFAULTS,
        "oidc.ldap_id_attribute": "objectGUID",
        "oidc.ldap_user_filter": "(&(objectClass=user)(sAMAccountName={username}))",
        "oidc.ldap_disabled_filter": "(x=y)",
    }
    assert identifier_of(entry(objectGUID=[GUID.bytes_le]), settings) == str(GUID)
    for wrong in ([], [b"short"], [GUID.bytes_le, GUID.bytes_le]):
        assert identifier_of(entry(objectGUID=wrong), settings) is None
    connection: Any = NoConnection()
    find_entries(connection, settings, [str(GUID)])
    escaped = "".join(f"\\{byte:02x}" for byte in GUID.bytes_le)
    assert connection.pattern == (
        f"(&(&(|(objectGUID={escaped}))(&(objectClass=user)(sAMAccountName=*)))(!(x=y)))"
    )


@pytest.mark.parametrize(
    "values", [[], [b""], [b"\xff\xfe"], [b"a\0b"], [b"x" * 256], [b"a", b"b"]]
)
def test_an_identifier_is_one_text(values: list[bytes]) -> None:
    assert identifier_of(entry(entryUUID=values), DEFAULTS) is None


def test_values_that_are_no_text_are_left_out() -> None:
    found = entry(
        entryUUID=[b"1"], uid=[b"alice"], cn=[b"\xff", b" ", b"a\0b", "Zoë".encode()],
        mail=[b"x" * 3000], givenName=[],
    )  # fmt: skip
    user = user_of(found, DEFAULTS, None)
    assert user is not None
    assert (user.id, user.username, user.claims) == ("1", "alice", {"name": "Zoë"})


def test_a_verified_address_is_one_by_its_attribute_or_by_the_setting() -> None:
    settings = {
        **DEFAULTS,
        "oidc.ldap_claims": ("email=mail", "email_verified=checked"),
        "oidc.ldap_email_verified": True,
    }
    for checked, verified in ((b"TRUE", True), (b"false", False), (b"\xff", True)):
        found = entry(entryUUID=[b"1"], uid=[b"a"], mail=[b"a@example.com"], checked=[checked])
        user = user_of(found, settings, None)
        assert user is not None
        assert user.claims["email_verified"] is verified


def test_claims_of_the_ini_have_their_types() -> None:
    declared = (
        "badge: number\nweight: number\nroom: number\nvip: boolean\nplaces: list\nnote: string"
    )
    settings = {
        **DEFAULTS,
        "oidc.claims": claim_lines(declared),
        "oidc.ldap_claims": (
            "badge=employeeNumber", "weight=weight", "room=roomNumber", "vip=vip", "places=l",
            "note=description", "shoe_size=size", "groups=ou",
        ),
    }  # fmt: skip
    found = entry(
        entryUUID=[b"1"], uid=[b"a"], employeeNumber=[b"42", b"43"], weight=[b"-1.5"],
        roomNumber=[b"4a"], vip=[b"TRUE"], l=[b"London", b"Paris"], description=[b"7", b"8"],
        size=[b"38"], ou=[b"staff"],
    )  # fmt: skip
    user = user_of(found, settings, None)
    assert user is not None
    assert user.claims == {
        "badge": 42, "weight": -1.5, "vip": True, "places": ["London", "Paris"], "note": "7",
        "shoe_size": "38", "groups": ["staff"],
    }  # fmt: skip
    assert type(user.claims["badge"]) is int


@pytest.mark.parametrize(
    ("dn", "counts"),
    [
        (b"cn=staff,ou=groups,dc=x", True),
        (b"CN=staff, OU=Groups , DC=X", True),
        (b"cn=staff,ou=more,ou=groups,dc=x", True),
        (b"cn=staff,ou=groups,dc=x,dc=y", False),
        (b"cn=staff,ou=people,dc=x", False),
        (b"cn=staff,dc=x", False),
        (b"cn=staff,cn=a\\,ou=groups,dc=x", False),
        (b"cn=staff,cn=groups,dc=x", False),
    ],
)
def test_groups_that_a_user_names_are_below_the_base(dn: bytes, counts: bool) -> None:
    settings = {
        **DEFAULTS,
        "oidc.ldap_group_attribute": "memberOf",
        "oidc.ldap_group_base": "ou=groups,dc=x",
    }
    none: Any = NoConnection()
    assert groups_of(none, settings, entry(memberOf=[dn])) == (["staff"] if counts else [])


def test_names_of_groups_are_read_from_odd_dns(caplog: pytest.LogCaptureFixture) -> None:
    settings = {**DEFAULTS, "oidc.ldap_group_attribute": "memberOf"}
    none: Any = NoConnection()
    dns = [
        b"cn=staff,dc=x",
        b"no dn",
        b"\xff",
        b"",
        b"cn=a\\,b+ou=c,dc=x",
        "cn=Zu\u0308rich,dc=x".encode(),
        b"CN=line\\0Abreak,dc=x",
    ]
    assert groups_of(none, settings, entry(memberOf=dns)) == ["Z\u00fcrich", "a,b", "staff"]
    many = [b"cn=group %d,dc=x" % number for number in range(10_000)]
    with caplog.at_level(logging.WARNING):
        assert groups_of(none, settings, entry(memberOf=many)) is None
    assert "oidc.ldap_max_groups = 1000" in caplog.text
    assert len(groups_of(none, {**settings, "oidc.ldap_max_groups": 10_000}, entry(memberOf=many))
               or ()) == 10_000  # fmt: skip
