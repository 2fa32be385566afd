"""Groups that an upstream names, and upstreams in the shapes of well-known ones."""

import json
import logging
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from support.app import Browser, Provider, RelyingParty, follow_to_answer
from support.processes import write_ini
from support.upstream import Upstream

from oidcserver.accounts.upstreams.groups import MOST
from oidcserver.cli import main
from oidcserver.models import (
    Client,
    Group,
    Membership,
    RememberedDevice,
    UpstreamGroup,
    User,
)
from oidcserver.models.consent import grant_consent
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

SCOPES = "groups: groups\nroles: roles\nentra: oid"
SCOPE = "openid groups roles"
MAPPING = "Domain Users = staff\napp-* = *\n/dev/* = dev:*\nlead* = leads"


@pytest.fixture
def make(make_provider: Any, upstream: Upstream) -> Any:
    def make(**options: object) -> Provider:
        options = {"allow_registration": "true", "groups": MAPPING, **options}
        provider: Provider = make_provider(
            oidc__user_directory="database",
            oidc__scope_claims=SCOPES,
            **upstream.settings(**options),
        )
        return provider

    return make


def told(provider: Provider, upstream: Upstream, **groups: Any) -> dict[str, Any]:
    """Sign in there with these claims; return what an application learns."""
    upstream.userinfo = groups
    client, browser = provider.register(scope=SCOPE), provider.browser()
    page = client.authorize(browser, scope=SCOPE)
    answer = browser.get(upstream.answer_url(page.forms["upstream-other"].submit()))
    code = client.answer(client.complete(follow_to_answer(answer)))["code"]
    claims: dict[str, Any] = client.userinfo(client.exchange(code)["access_token"]).json
    return claims


def test_only_mapped_groups_count_and_each_sign_in_refreshes_them(
    make: Any, upstream: Upstream
) -> None:
    provider = make()
    with provider.database() as dbsession:
        dbsession.add(Group(name="staff", roles="editor author"))
    names = ["Domain Users", "app-shop", "app-", "/dev/a/b", "leader", "admins", "staff", 7, None]
    claims = told(provider, upstream, groups=names)
    assert claims["groups"] == ["dev:a/b", "leads", "shop", "staff"]
    assert claims["roles"] == ["author", "editor"]
    claims = told(provider, upstream, groups="app-shop")
    assert claims["groups"] == ["shop"]
    assert "roles" not in claims
    assert "groups" not in told(provider, upstream)
    with provider.database() as dbsession:
        assert dbsession.scalars(select(UpstreamGroup)).all() == []


@pytest.mark.parametrize("elsewhere", [1, True, "groups", ["groups"], {"groups": "src1"}])
def test_odd_names_of_claims_elsewhere_are_no_error(
    make: Any, upstream: Upstream, elsewhere: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert "groups" not in told(make(), upstream, _claim_names=elsewhere)
    left_out = "The upstream other left groups out of its claims." in caplog.text
    assert left_out is isinstance(elsewhere, dict)


def test_groups_of_the_operator_stay(make: Any, upstream: Upstream) -> None:
    provider = make()
    told(provider, upstream, groups=["Domain Users"])
    with provider.database() as dbsession:
        dbsession.add(Group(name="staff", roles=""))
        dbsession.flush()
        user = dbsession.scalars(select(User)).one()
        dbsession.add(Membership(group_name="staff", user_id=user.id))
    assert told(provider, upstream)["groups"] == ["staff"]


def test_a_user_who_left_there_may_not_use_the_application(make: Any, upstream: Upstream) -> None:
    provider = make()
    upstream.userinfo = {"groups": ["Domain Users"]}
    client, browser = provider.register(), provider.browser()
    with provider.database() as dbsession:
        dbsession.get_one(Client, client.client_id).allowed_groups = ["staff"]
    upstream.sign_in(browser)
    tokens = client.exchange(client.answer(client.complete(client.authorize(browser)))["code"])
    assert client.refresh(tokens["refresh_token"])["access_token"]
    upstream.userinfo, upstream.claims = {"groups": []}, {"auth_time": 4_000_000_000}
    upstream.sign_in(browser, path="/login?again=1")
    assert client.answer(client.authorize(browser))["error"] == "access_denied"


def test_a_member_of_an_object_and_several_claims(make: Any, upstream: Upstream) -> None:
    provider = make(groups_claims="realm_access.roles https://example.com/groups")
    claims = told(
        provider,
        upstream,
        realm_access={"roles": ["app-shop"]},
        **{"https://example.com/groups": ["lead"], "groups": ["app-other"]},
    )
    assert claims["groups"] == ["leads", "shop"]
    for odd in ({"realm_access": "roles"}, {"realm_access": {"roles": {"app-x": 1}}}):
        assert "groups" not in told(provider, upstream, **odd)


def test_too_many_groups_count_as_none(
    make: Any, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    provider = make()
    with caplog.at_level(logging.WARNING):
        claims = told(provider, upstream, groups=[f"app-{number}" for number in range(MOST + 1)])
    assert "groups" not in claims
    assert f"names {MOST + 1} groups of one user" in caplog.text


def test_groups_that_were_left_out_there_are_logged(
    make: Any, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    """Entra leaves the claim out of tokens for users with more than 200 groups."""
    with caplog.at_level(logging.WARNING):
        claims = told(make(), upstream, _claim_names={"groups": "src1"})
    assert "groups" not in claims
    assert "The upstream other left groups out of its claims" in caplog.text


def test_names_that_no_group_can_have_are_left_out(make: Any, upstream: Upstream) -> None:
    claims = told(make(), upstream, groups=["app-a\nb", "app-a\tb", "app-" + "x" * 256, "app- a "])
    assert claims["groups"] == ["a"]


def test_what_the_ini_does_not_declare_does_not_count(make: Any, upstream: Upstream) -> None:
    first = make()
    assert told(first, upstream, groups=["Domain Users"])["groups"] == ["staff"]
    without = make(groups="")
    browser = without.browser()
    upstream.sign_in(browser)
    assert "groups" not in told(without, upstream, groups=["Domain Users"])
    again = make()
    assert told(again, upstream, groups=["Domain Users"])["groups"] == ["staff"]
    user_claims = told(make(), upstream, groups=["Domain Users"])
    assert user_claims["groups"] == ["staff"]


def test_a_link_brings_its_groups_and_takes_them_along(
    make_provider: Any, upstream: Upstream
) -> None:
    provider = make_provider(oidc__scope_claims=SCOPES, **upstream.settings(groups=MAPPING))
    browser = provider.browser()
    browser.sign_in()
    upstream.userinfo = {"groups": ["Domain Users"]}
    page = browser.get("/account/connections")
    browser.get(upstream.answer_url(page.forms["connect-other"].submit("link")))
    assert groups_of(provider, browser) == ["staff"]
    browser.get("/account/connections").forms["disconnect-other"].submit("remove")
    assert groups_of(provider, browser) is None


def groups_of(provider: Provider, browser: Browser) -> Any:
    client: RelyingParty = provider.register(scope=SCOPE)
    code = client.answer(client.complete(client.authorize(browser, scope=SCOPE)))["code"]
    return client.userinfo(client.exchange(code)["access_token"]).json.get("groups")


def test_the_operator_sees_who_is_a_member_by_an_upstream(
    make: Any, upstream: Upstream, tmp_path: Any, keys_directory: Any, provider_url: str
) -> None:
    provider = make(username_claim="preferred_username")
    with provider.database() as dbsession:
        dbsession.add(Group(name="staff", roles=""))
    told(provider, upstream, groups=["Domain Users", "app-shop"], preferred_username="ada")
    ini = write_ini(
        tmp_path / "test.ini", 6543,
        oidcserver__database_url=provider_url, oidcserver__keys_directory=str(keys_directory),
    )  # fmt: skip
    result = CliRunner().invoke(main, ["groups", "list", str(ini)])
    assert result.stdout == "shop  (not created)  ada (by upstream)\nstaff  ada (by upstream)\n"
    result = CliRunner().invoke(main, ["users", "show", str(ini), "ada", "--json"])
    assert json.loads(result.stdout)["connected_sign_ins"] == [
        {
            "upstream": "other",
            "issuer": upstream.issuer,
            "subject": "u1",
            "counts": False,  # this ini does not select it
            "groups": ["shop", "staff"],
        }
    ]


def test_the_export_has_groups_devices_and_how_the_user_signed_in(
    make_provider: Any, upstream: Upstream
) -> None:
    provider = make_provider(
        oidc__user_directory="database",
        oidc__pages="home login consent logout account leave",
        **upstream.settings(allow_registration="true", groups=MAPPING),
    )
    client, browser = provider.register(), provider.browser()
    upstream.userinfo = {"groups": ["Domain Users"]}
    upstream.sign_in(browser)
    with provider.database() as dbsession:
        user = dbsession.scalars(select(User)).one()
        dbsession.add(Group(name="editors", roles=""))
        dbsession.flush()
        dbsession.add(Membership(group_name="editors", user_id=user.id))
        dbsession.add(
            RememberedDevice(
                token_digest="0" * 64,
                user_id=user.id,
                generation=user.generation,
                user_agent="Lynx",
                expires_at=2,
            )
        )
        grant_consent(
            dbsession, user.id, client.client_id, "openid", remember=True, claims="birthdate"
        )
    exported = browser.get("/account/export").json
    assert exported["groups"] == ["editors"]
    assert exported["connected_sign_ins"][0]["groups"] == ["staff"]
    assert exported["remembered_devices"][0]["browser"] == "Lynx"
    assert exported["applications"][0]["claims"] == "birthdate"
    [session] = exported["sessions"]
    assert (session["acr"], session["amr"]) == ("1", [])
    assert "0" * 64 not in str(exported)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"groups": "staff"}, "it takes lines such as `Domain Users = staff`"),
        ({"groups": "a = b\na = c"}, "each with another name"),
        ({"groups": "a = b*"}, "it takes lines such as"),
        ({"groups": "a* = *b*"}, "it takes lines such as"),
        ({"groups": " = b"}, "it takes lines such as"),
        ({"required_claims": "hd"}, "claims with a value, such as `hd=example.com`"),
        ({"claims": "name groups=roles"}, "has groups among its claims"),
        ({"claims": "sub=oid"}, "has sub among its claims, which only the provider may set"),
        ({"claims": "name size"}, "has size among its claims, which no scope here returns"),
        ({"logout": "ask"}, "it takes one of none, offer, always"),
    ],
)
def test_a_mistake_stops_the_start(make: Any, options: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationProblem) as problem:
        make(**options)
    assert sentence in str(problem.value)


# Shapes of others


def test_google_lets_in_the_users_of_the_named_domains(make: Any, upstream: Upstream) -> None:
    """Google: ``hd``, a verified address, no ``auth_time`` and no ``iss`` in the answer."""
    upstream.metadata = {
        "authorization_response_iss_parameter_supported": None, "end_session_endpoint": None,
    }  # fmt: skip
    upstream.query = {"iss": None}
    provider = make(
        proves_auth_time="false",
        required_claims="hd=example.com hd=example.org kind=true",
        groups="",
    )
    for hd, kind, accepted in (
        ("example.com", True, True),
        (["a", "example.org"], "true", True),
        ("example.net", True, False),
        (None, True, False),
        (True, True, False),
        ("example.com", False, False),
        ("example.com", 1, False),
    ):
        upstream.claims = {
            "email": "ada@example.com", "email_verified": True, "hd": hd, "kind": kind,
        }  # fmt: skip
        browser = provider.browser()
        answer = upstream.sign_in(browser)
        assert ("notice=upstream" not in answer.location) is accepted, (hd, kind)
        assert ("ada@example.com" in browser.get("/account")) is accepted


@pytest.mark.parametrize(
    ("tid", "issuer_of_key", "accepted"),
    [
        ("t-1", "https://login.example/{tenantid}/v2.0", True),
        ("t-1", "https://login.example/t-1/v2.0", True),
        ("t-1", "https://login.example/t-2/v2.0", False),
        ("t-3", "https://login.example/{tenantid}/v2.0", False),
    ],
)
def test_entra_lets_in_the_users_of_the_named_tenants(
    make: Any, upstream: Upstream, tid: str, issuer_of_key: str, accepted: bool
) -> None:
    """Entra: an issuer for each tenant, keys with an issuer, ``oid``, no ``email_verified``."""
    base = upstream.issuer
    issuer = base + "/{tenantid}/v2.0"
    upstream.metadata = {
        "issuer": issuer, "authorization_response_iss_parameter_supported": None,
    }  # fmt: skip
    upstream.query = {"iss": None}
    upstream.key_members = {"issuer": issuer_of_key.replace("https://login.example", base)}
    upstream.claims = {
        "iss": f"{base}/{tid}/v2.0",
        "tid": tid,
        "oid": "00000000-0000-0000-66f3-3332eca7ea81",
        "email": "ada@example.com",
        "preferred_username": "ada@example.com",
        "groups": ["6f1c0c3e-2f43-4b52-9a33-0d7b7f1d2a11"],
    }
    upstream.userinfo = {"email": "ada@example.com"}
    provider = make(
        issuer=issuer,
        discovery_url=f"{base}/.well-known/openid-configuration",
        token_endpoint_auth_method="client_secret_post",
        username_claim="preferred_username",
        required_claims="tid=t-1 tid=t-2",
        claims="name email oid",
        linking="verified_email",
        groups="6f1c0c3e-2f43-4b52-9a33-0d7b7f1d2a11 = staff",
    )
    with provider.database() as dbsession:
        own = {"email": "ada@example.com", "email_verified": True}
        dbsession.add(User("ada", claims=own))
    browser = provider.browser()
    answer = upstream.sign_in(browser)
    assert ("notice=upstream" not in answer.location) is accepted
    if accepted:
        with provider.database() as dbsession:
            # The address was not verified there, so it connects nobody and is nobody's name.
            made = dbsession.scalars(select(User).where(User.username != "ada")).one()
            assert made.username.startswith("other-")
            assert made.claims["oid"] == "00000000-0000-0000-66f3-3332eca7ea81"
            assert made.address_key is None
        assert groups_of(provider, browser) == ["staff"]


def test_keycloak_tells_of_realm_roles_and_paths_of_groups(make: Any, upstream: Upstream) -> None:
    """Keycloak: roles in an object, groups as paths, a ``sid``, and logout both ways."""
    upstream.claims = {
        "sid": "5b1c", "acr": "1", "azp": "we", "typ": "ID",
        "email": "ada@example.com", "email_verified": True, "preferred_username": "ada",
        "realm_access": {"roles": ["offline_access", "app-admin"]},
        "groups": ["/dev/web", "/sales"],
    }  # fmt: skip
    upstream.userinfo = dict(upstream.claims)
    provider = make(
        groups_claims="groups realm_access.roles",
        username_claim="preferred_username",
        logout="always",
        backchannel_logout="true",
    )
    browser = provider.browser()
    upstream.sign_in(browser)
    assert browser.get("/account").html.find(class_="who").find("bdi").get_text() == "ada"
    assert groups_of(provider, browser) == ["admin", "dev:web"]
    token = upstream.logout_token({"typ": "JWT"}, sid="5b1c", typ="Logout")
    provider.browser().post("/login/upstream/other/backchannel-logout", {"logout_token": token})
    assert "/login" in browser.get("/account").location
