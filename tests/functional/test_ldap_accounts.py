"""Accounts and groups of the directory ``ldap``: what follows when its entries change."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ldap", reason="OpenLDAP's server and python-ldap is not installed")

from support.app import Browser, Provider, RelyingParty
from support.slapd import POLICY, Unit

from oidcserver import clock as provider_clock
from oidcserver.interfaces import DirectoryUnavailable
from oidcserver.models import Client

pytestmark = pytest.mark.both_databases

WORD = "a long word"
SCOPE = "openid profile groups offline_access"
GROUPS = {"oidc__scope_claims": "groups: groups"}
MakeProvider = Callable[..., Provider]


class Visitor:
    """A user who has signed in to an application, and the tokens."""

    def __init__(self, client: RelyingParty, name: str, word: str = WORD) -> None:
        self.client = client
        self.browser: Browser = client.provider.browser()
        page = client.authorize(self.browser, scope=SCOPE).forms["login"]
        page["username"], page["password"] = name, word
        response = page.submit().maybe_follow(expect_errors=True)
        if "consent" in response.forms:
            response = response.forms["consent"].submit("decision", value="allow").follow()
        self.tokens = client.exchange(client.answer(response)["code"])

    @property
    def claims(self) -> Any:
        """What UserInfo says."""
        return self.client.userinfo(self.tokens["access_token"]).json

    def refresh(self, status: int = 200) -> Any:
        """Use the refresh token; keep the next one."""
        answer = self.client.refresh(self.tokens["refresh_token"], status=status)
        if status == 200:
            self.tokens = answer
        return answer

    @property
    def is_signed_in(self) -> bool:
        """Whether the account page shows the account."""
        return self.browser.get("/account").status_int == 200


def check(provider: Provider) -> tuple[int, int, int]:
    """Ask about every user now."""
    return provider.registry.oidc.directory_sync.check(provider_clock.now() + 1)


@pytest.fixture
def provider(make_provider: MakeProvider, unit: Unit) -> Provider:
    disabled = "(|(employeeType=left)(pwdAccountLockedTime=*))"
    return make_provider(**unit.settings(**GROUPS, oidc__ldap_disabled_filter=disabled))


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(scope=SCOPE)


def test_a_renamed_user_keeps_the_account_and_a_newcomer_gets_another(
    provider: Provider, client: RelyingParty, unit: Unit
) -> None:
    dn = unit.add_person("alice")
    before = Visitor(client, "alice")
    unit.rename(dn, "alicia")
    unit.add_person("alice", "another word")
    assert check(provider) == (1, 1, 0)
    assert before.claims["preferred_username"] == "alicia"
    newcomer = Visitor(client, "alice", "another word")
    assert newcomer.claims["sub"] != before.claims["sub"]
    assert newcomer.claims["preferred_username"] == "alice"
    assert Visitor(client, "alicia").claims["sub"] == before.claims["sub"]
    assert before.refresh()["access_token"]


def test_a_newcomer_who_is_first_gets_another_account_too(client: RelyingParty, unit: Unit) -> None:
    dn = unit.add_person("alice")
    before = Visitor(client, "alice")
    unit.rename(dn, "alicia")
    unit.add_person("alice", "another word")
    newcomer = Visitor(client, "alice", "another word")
    assert newcomer.claims["sub"] != before.claims["sub"]
    assert Visitor(client, "alicia").claims["sub"] == before.claims["sub"]


def test_who_may_not_sign_in_there_any_more_loses_sessions_and_tokens(
    provider: Provider, client: RelyingParty, unit: Unit
) -> None:
    names = ("disabled", "locked", "deleted", "here")
    dns = {name: unit.add_person(name, pwdPolicySubentry=POLICY) for name in names}
    users = {name: Visitor(client, name) for name in names}
    sub = users["disabled"].claims["sub"]
    assert check(provider) == (4, 0, 0)
    unit.server.change(dns["disabled"], employeeType="left")
    for _ in range(3):
        provider.browser().sign_in("locked", "a wrong word", status=403)
    unit.server.admin.delete_s(dns["deleted"])
    assert users["disabled"].refresh()
    assert check(provider) == (4, 0, 3)
    for name in ("disabled", "locked", "deleted"):
        assert users[name].refresh(status=400)["error"] == "invalid_grant"
        client.userinfo(users[name].tokens["access_token"], status=401)
        assert not users[name].is_signed_in
    assert users["here"].refresh()
    assert users["here"].is_signed_in
    assert check(provider) == (4, 0, 0), "those who left may be there again"
    unit.server.change(dns["disabled"], employeeType=None)
    assert Visitor(client, "disabled").claims["sub"] == sub


def test_a_directory_that_cannot_tell_changes_nothing(
    provider: Provider, client: RelyingParty, unit: Unit
) -> None:
    unit.add_person("alice")
    alice = Visitor(client, "alice")
    settings = provider.registry.oidc.provider.settings
    certificate = "TLS certificate of the LDAP server was not accepted: .* oidc.ldap_ca_bundle"
    for broken, sentence in (
        ({"oidc.ldap_url": ("ldap://127.0.0.1:1",)}, "Can't contact LDAP server"),
        ({"oidc.ldap_bind_password": "another"}, "rejects oidc.ldap_bind_dn"),
        ({"oidc.ldap_base": f"ou=nowhere,{unit.base}"}, "has no entry oidc.ldap_base = "),
        ({"oidc.ldap_ca_bundle": None}, certificate),
        ({"oidc.ldap_ca_bundle": Path("/nowhere")}, "oidc.ldap_ca_bundle cannot be read"),
    ):
        kept = {name: settings[name] for name in broken}
        settings._values.update(broken)
        with pytest.raises(DirectoryUnavailable, match=sentence):
            check(provider)
        settings._values.update(kept)
    assert alice.refresh()
    assert alice.is_signed_in
    assert provider.registry.oidc.directory_sync.check(0) == (1, 0, 0), "alice is due again"


def test_an_identifier_of_two_entries_ends_nobody(make_provider: MakeProvider, unit: Unit) -> None:
    provider = make_provider(**unit.settings(**GROUPS, oidc__ldap_id_attribute="employeeNumber"))
    unit.add_person("alice", employeeNumber="1")
    alice = Visitor(provider.register(scope=SCOPE), "alice")
    unit.add_person("bob", employeeNumber="1")
    with pytest.raises(DirectoryUnavailable, match=r"oidc\.ldap_id_attribute has to be different"):
        check(provider)
    assert alice.is_signed_in


def test_a_user_is_asked_about_by_itself_within_the_interval(
    make_provider: MakeProvider, unit: Unit, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    provider = make_provider(**unit.settings(oidc__directory_sync_interval="1"))
    dn = unit.add_person("alice")
    with caplog.at_level(logging.INFO, "oidcserver.directory"):
        alice = Visitor(provider.register(scope="openid profile offline_access"), "alice")
        unit.server.admin.delete_s(dn)
        for _ in range(300):
            if "the sessions and tokens of 1 ended" in caplog.text:
                break
            provider.registry.oidc.directory_sync._stopped.wait(0.1)
    assert alice.refresh(status=400)["error"] == "invalid_grant"


def test_accounts_of_other_directories_are_not_asked_about(
    provider: Provider, make_provider: MakeProvider, client: RelyingParty
) -> None:
    demo = make_provider()
    elsewhere = RelyingParty(demo, client.client, client.secret)
    tokens = elsewhere.exchange(elsewhere.login(demo.browser(), "carol")["code"])
    assert check(provider) == (0, 0, 0)
    assert elsewhere.userinfo(tokens["access_token"]).json["sub"]


# Groups


def test_groups_that_entries_name_are_groups_here(make_provider: MakeProvider, unit: Unit) -> None:
    provider = make_provider(**unit.settings(**GROUPS, oidc__ldap_group_attribute="MemberOf"))
    dn = unit.add_person("alice")
    unit.add_group("staff, all", dn)
    dev = unit.add_group("dev", dn)
    client = provider.register(scope=SCOPE)
    alice = Visitor(client, "alice")
    assert alice.claims["groups"] == ["dev", "staff, all"]
    with provider.database() as dbsession:
        dbsession.get_one(Client, client.client_id).allowed_groups = ["dev"]
    assert alice.refresh()
    unit.server.admin.delete_s(dev)
    assert check(provider) == (1, 1, 0)
    assert alice.claims["groups"] == ["staff, all"]
    assert alice.refresh(status=400)["error"] == "invalid_grant"


def test_groups_that_entries_name_count_below_the_base_alone(
    make_provider: MakeProvider, unit: Unit
) -> None:
    apps = unit.server.add(f"ou=apps,{unit.base}", objectClass="organizationalUnit", ou="apps")
    dn = unit.add_person("alice")
    unit.add_group("admins", dn)
    within = {"objectClass": "groupOfNames", "cn": "dev", "member": dn}
    unit.server.add(f"cn=dev,{apps}", **within)
    settings = unit.settings(**GROUPS, oidc__ldap_group_attribute="memberOf")
    base = apps.replace(",", ", ").upper()
    client = make_provider(**settings, oidc__ldap_group_base=base).register(scope=SCOPE)
    assert Visitor(client, "alice").claims["groups"] == ["dev"]


def test_groups_within_groups_are_found_once_each(make_provider: MakeProvider, unit: Unit) -> None:
    provider = make_provider(
        **unit.settings(
            **GROUPS,
            oidc__ldap_group_filter="(&(objectClass=groupOfNames)(member={dn}))",
            oidc__ldap_nested_groups="true",
        )
    )
    person = unit.add_person("ad,am (#1)")
    first = unit.add_group("first*", person)
    second = unit.add_group("second", first)
    third = unit.add_group("third", second, person)
    unit.server.change(first, member=[person, third, first])  # a loop
    unit.add_group("of others", unit.add_person("bob"))
    alice = Visitor(provider.register(scope=SCOPE), "ad,am (#1)")
    assert alice.claims["groups"] == ["first*", "second", "third"]


def test_groups_by_user_name(make_provider: MakeProvider, unit: Unit) -> None:
    provider = make_provider(
        **unit.settings(**GROUPS, oidc__ldap_group_filter="(memberUid={username})")
    )
    unit.add_person("alice")
    for number, name in enumerate(("staff", "wheel")):
        unit.server.add(
            f"cn={name},{unit.base}", objectClass="posixGroup", cn=name, gidNumber=str(number),
            memberUid=["alice", "bob"] if name == "staff" else "bob",
        )  # fmt: skip
    assert Visitor(provider.register(scope=SCOPE), "alice").claims["groups"] == ["staff"]


def test_too_many_groups_are_left_out_whole(
    make_provider: MakeProvider, unit: Unit, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"oidc__ldap_group_filter": "(member={dn})", "oidc__ldap_max_groups": "3"}
    provider = make_provider(**unit.settings(**GROUPS, **settings))
    dn = unit.add_person("alice")
    for number in range(3):
        unit.add_group(f"group {number}", dn)
    client = provider.register(scope=SCOPE)
    assert len(Visitor(client, "alice").claims["groups"]) == 3
    unit.add_group("one more", dn)
    assert "groups" not in Visitor(client, "alice").claims
    assert "were left out: there are more than oidc.ldap_max_groups = 3" in caplog.text
