"""Groups and roles: what applications learn of them, and which applications they open."""

import json
import logging
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete, select
from support.app import Provider, RelyingParty, decode_id_token
from support.ciba import SETTINGS as CIBA
from support.ciba import CibaClient, decide
from support.devices import SETTINGS as DEVICES
from support.devices import approved, ask, enter, poll, refusal, register_device, signed_in
from support.processes import write_ini

from oidcserver.cli import main
from oidcserver.clients.columns import set_columns
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.models import Client, Group, Membership, RefreshToken
from oidcserver.models.user import find_user

pytestmark = pytest.mark.both_databases

DECLARED = "groups: groups | See which groups you are in\nroles: roles"
SCOPE = "openid groups roles offline_access"
Run = Callable[..., Result]
#: Names that a list has to keep apart.
AWKWARD = ('a, "quoted" one', "Zürich")


def join(provider: Provider, *names: str, roles: str = "", username: str = "alice") -> None:
    """Let a user, who is made now, be a member of groups."""
    provider.browser().sign_in(username)
    with provider.database() as dbsession:
        user = find_user(dbsession, username)
        assert user is not None
        for name in names:
            dbsession.merge(Group(name=name, roles=roles))
            dbsession.flush()
            dbsession.merge(Membership(group_name=name, user_id=user.id))


def leave(provider: Provider) -> None:
    """Take every user out of every group."""
    with provider.database() as dbsession:
        dbsession.execute(delete(Membership))


def give(provider: Provider, **claims: Any) -> None:
    """Let the directory know claims of alice."""
    with provider.database() as dbsession:
        user = find_user(dbsession, "alice")
        assert user is not None
        user.claims = claims


def change(provider: Provider, client: RelyingParty, **columns: Any) -> None:
    """Let an operator set columns of a client."""
    with provider.database() as dbsession:
        row = dbsession.get_one(Client, client.client_id)
        for name, value in columns.items():
            setattr(row, name, value)


def userinfo_of(provider: Provider, scope: str = SCOPE, username: str = "alice") -> Any:
    """Return what UserInfo says to a client with all scopes that asks for some."""
    client = provider.register(scope=SCOPE)
    tokens = client.exchange(client.login(provider.browser(), username, scope=scope)["code"])
    return client.userinfo(tokens["access_token"]).json


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(oidc__scope_claims=DECLARED)
    return made


# The claims


def test_stored_groups_and_their_roles_are_lists(provider: Provider) -> None:
    join(provider, *AWKWARD, roles="editor author")
    join(provider, "staff", roles="author")
    told = userinfo_of(provider)
    assert told["groups"] == sorted([*AWKWARD, "staff"])
    assert told["roles"] == ["author", "editor"]
    assert "groups" not in userinfo_of(provider, "openid")
    assert {"groups", "roles"}.isdisjoint(userinfo_of(provider, username="bob"))


def test_one_group_is_a_list_too_wherever_it_comes_from(provider: Provider) -> None:
    provider.browser().sign_in("alice")
    give(provider, groups="dev")
    assert userinfo_of(provider)["groups"] == ["dev"]
    join(provider, "dev", "staff")
    assert userinfo_of(provider)["groups"] == ["dev", "staff"]
    give(provider, groups=["ldap", 7, ""])
    assert userinfo_of(provider)["groups"] == ["ldap", "dev", "staff"]


def test_two_spellings_of_a_name_are_one_group_wherever_it_comes_from(
    provider: Provider, run: Run
) -> None:
    decomposed, composed = unicodedata.normalize("NFD", "Zürich"), "Zürich"
    provider.browser().sign_in("alice")
    give(provider, groups=[f" {decomposed} ", "a\nb"], roles=decomposed)
    assert userinfo_of(provider)["groups"] == userinfo_of(provider)["roles"] == [composed]
    client = provider.register(scope="openid groups offline_access")
    words = ("clients", "update", client.client_id, "--allowed-group", decomposed, "--json")
    assert json.loads(done(run(*words)))["allowed_groups"] == [composed]
    assert "code" in client.login(provider.browser(), "alice")


def test_too_many_groups_are_left_out_whole(
    make_provider: Any, caplog: pytest.LogCaptureFixture
) -> None:
    provider = make_provider(oidc__scope_claims=DECLARED, oidc__max_groups="2")
    join(provider, "a", "b")
    assert userinfo_of(provider)["groups"] == ["a", "b"]
    join(provider, "c", roles="editor")
    with caplog.at_level(logging.WARNING):
        told = userinfo_of(provider)
    assert "groups" not in told
    assert told["roles"] == ["editor"]
    assert "was left out: it has 3 items, and oidc.max_groups is 2" in caplog.text
    # The limit is about the size of tokens. All of them open applications.
    client = provider.register(scope=SCOPE)
    change(provider, client, allowed_groups=["c"])
    assert "code" in client.login(provider.browser())


def test_without_a_scope_of_the_ini_nobody_learns_of_groups(make_provider: Any) -> None:
    provider = make_provider()
    join(provider, "staff")
    client = provider.register()
    claims = json.dumps({"userinfo": {"groups": None}, "id_token": {"groups": None}})
    tokens = client.exchange(client.login(provider.browser(), claims=claims)["code"])
    assert "groups" not in client.userinfo(tokens["access_token"]).json
    assert "groups" not in decode_id_token(provider, tokens["id_token"])


# Limit an application to groups


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    """An application for the groups staff and guests."""
    made = provider.register(scope=SCOPE)
    change(provider, made, allowed_groups=["staff", "guests"])
    return made


def test_only_members_sign_in_to_an_application(provider: Provider, client: RelyingParty) -> None:
    join(provider, "staff")
    assert "code" in client.login(provider.browser(), "alice")
    browser = signed_in(provider, "bob")
    answer = client.answer(client.authorize(browser))
    assert answer["error"] == "access_denied"
    assert "in none of the groups" in answer["error_description"]
    silent = client.answer(client.authorize(browser, prompt="none"))
    assert silent["error"] == "access_denied"
    nobody = client.answer(client.authorize(provider.browser(), prompt="none"))
    assert nobody["error"] == "login_required"
    # Every user may use the others.
    assert "code" in provider.register().login(provider.browser(), "bob")


def test_the_groups_of_a_directory_count_as_well(provider: Provider, client: RelyingParty) -> None:
    provider.browser().sign_in("alice")
    give(provider, groups=["guests"])
    assert "code" in client.login(provider.browser(), "alice")
    give(provider, groups=["guest"])
    browser = signed_in(provider)
    assert client.answer(client.authorize(browser))["error"] == "access_denied"


def test_groups_are_read_at_every_grant(provider: Provider, client: RelyingParty) -> None:
    join(provider, "staff")
    code = client.login(provider.browser(), scope=SCOPE)["code"]
    leave(provider)
    assert client.exchange(code, status=400)["error"] == "invalid_grant"
    join(provider, "staff")
    tokens = client.exchange(code)
    leave(provider)
    refused = client.refresh(tokens["refresh_token"], status=400)
    assert refused["error"] == "invalid_grant"
    # The rejection consumed nothing: the user comes back and goes on.
    join(provider, "guests")
    assert client.refresh(tokens["refresh_token"])["access_token"]


def test_a_device_is_approved_by_members_alone(make_provider: Any) -> None:
    provider = make_provider(**DEVICES)
    device = register_device(provider)
    change(provider, device, allowed_groups=["staff"])
    codes = ask(device)
    page = enter(signed_in(provider, "bob"), codes["user_code"])
    assert "in none of the groups that may use this application" in page
    assert page.forms["decision"].submit("decision", value="allow").status_int == 303
    assert refusal(device, codes) == "authorization_pending"


def test_a_device_gets_no_tokens_for_a_user_who_left(make_provider: Any) -> None:
    provider = make_provider(**DEVICES)
    device = register_device(provider)
    change(provider, device, allowed_groups=["staff"])
    join(provider, "staff")
    codes = approved(provider, device)
    leave(provider)
    assert refusal(device, codes) == "invalid_grant"
    join(provider, "staff")
    assert poll(device, codes)["access_token"]


def test_only_members_are_asked_by_their_device(make_provider: Any) -> None:
    provider = make_provider(**CIBA)
    alice = signed_in(provider)
    client = CibaClient(provider)
    change(provider, client.rp, allowed_groups=["staff"])
    assert client.refused() == client.refused(login_hint="nobody") == "unknown_user_id"
    join(provider, "staff")
    auth_req_id = client.ask()
    decide(alice)
    leave(provider)
    assert client.error(auth_req_id) == "invalid_grant"
    join(provider, "staff")
    assert client.poll(auth_req_id)["access_token"]


def test_a_password_opens_an_application_to_members_alone(
    provider: Provider,
) -> None:
    client = provider.register(grant_types=["password"], response_types=[], redirect_uris=[])
    change(provider, client, allowed_groups=["staff"])
    form = {"grant_type": "password", "username": "alice", "password": "valid", "scope": "profile"}
    provider.browser().sign_in("alice")
    assert client.token(status=400, **form).json["error"] == "invalid_grant"
    join(provider, "staff")
    assert client.token(**form).json["access_token"]


def test_tokens_from_the_authorization_endpoint_are_for_members(provider: Provider) -> None:
    client = provider.register(
        grant_types=["authorization_code", "implicit"],
        response_types=["id_token token", "code id_token token"],
    )
    change(provider, client, allowed_groups=["staff"])
    browser = signed_in(provider)
    for response_type in ("id_token token", "code id_token token"):
        answer = client.answer(client.authorize(browser, response_type=response_type))
        assert answer["error"] == "access_denied"
        assert {"access_token", "id_token", "code"}.isdisjoint(answer)


def test_a_grant_of_a_plugin_cannot_pass_the_groups_by(make_provider: Any) -> None:
    provider = make_provider(
        oidcserver__includes="support.late_user_plugin",
        oauth__grants="authorization_code refresh_token late_user",
    )
    grant_type = "urn:example:late-user"
    client = provider.register(
        grant_types=[grant_type, "refresh_token"], response_types=[], redirect_uris=[]
    )
    provider.browser().sign_in("alice")
    change(provider, client, allowed_groups=["staff"])
    refused = client.token(grant_type=grant_type, status=400).json
    assert refused["error"] == "invalid_grant"
    with provider.database() as dbsession:
        assert dbsession.scalars(select(RefreshToken)).all() == []
    join(provider, "staff")
    assert client.token(grant_type=grant_type).json["refresh_token"]


# Applications of the operator's own


def test_a_client_of_the_operator_skips_consent(provider: Provider) -> None:
    client, browser = provider.register(scope=SCOPE), signed_in(provider)
    assert "decision" in client.authorize(browser, scope=SCOPE).text
    change(provider, client, skip_consent=True)
    answer = client.answer(client.authorize(browser, scope=SCOPE))
    tokens = client.exchange(answer["code"])
    assert tokens["scope"] == SCOPE
    assert client.refresh(tokens["refresh_token"])["access_token"]
    assert "code" in client.answer(client.authorize(browser, prompt="none"))
    assert "decision" in client.authorize(browser, prompt="consent").text


def test_a_program_on_the_users_device_does_not_skip_it(provider: Provider) -> None:
    """Any program can use such a redirect URI (RFC 8252 section 8.6)."""
    client = provider.register(
        redirect_uris=["http://127.0.0.1/cb"],
        application_type="native",
        token_endpoint_auth_method="none",
    )
    change(provider, client, skip_consent=True)
    page = client.authorize(signed_in(provider), redirect_uri="http://127.0.0.1:8123/cb")
    assert "decision" in page.text


# The commands


@pytest.fixture
def run(tmp_path: Path, keys_directory: Path, provider_url: str) -> Run:
    ini = write_ini(
        tmp_path / "test.ini", 6543,
        oidcserver__database_url=provider_url,
        oidcserver__keys_directory=str(keys_directory),
        oidc__scope_claims="groups: groups",
    )  # fmt: skip

    def run(*words: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, [*words[:2], str(ini), *words[2:]], input=stdin)

    return run


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def test_groups_are_managed_by_commands(run: Run) -> None:
    for name in ("alice", "bob"):
        done(run("users", "create", name, "--password-stdin", stdin="correct horse battery\n"))
    done(run("groups", "create", "staff", "--role", "editor", "--role", "editor"))
    done(run("groups", "create", AWKWARD[0]))
    assert "Added 2 users" in done(run("groups", "add", "staff", "alice", "BOB"))
    assert "Added 0 users" in done(run("groups", "add", "staff", "alice"))
    assert json.loads(done(run("groups", "list", "--json"))) == [
        {
            "name": AWKWARD[0], "created": True, "roles": [], "members": [], "by_upstream": [],
        },
        {
            "name": "staff", "created": True, "roles": ["editor"], "members": ["alice", "bob"],
            "by_upstream": [],
        },
    ]  # fmt: skip
    done(run("groups", "set-roles", "staff", "--role", "author"))
    assert "Removed 1 user from staff." in done(run("groups", "remove", "staff", "bob"))
    assert "staff  (roles: author)  alice" in done(run("groups", "list"))
    assert run("groups", "delete", "staff").exit_code == 1
    done(run("groups", "delete", "staff", "--yes"))
    assert [row["name"] for row in json.loads(done(run("groups", "list", "--json")))] == [
        AWKWARD[0]
    ]


def test_commands_announce_what_they_change(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    done(run("users", "create", "alice", "--password-stdin", stdin="correct horse battery\n"))
    with caplog.at_level(logging.INFO, "oidcserver.audit"):
        done(run("groups", "create", "staff"))
        for _ in range(2):
            done(run("groups", "set-roles", "staff", "--role", "author"))
            done(run("groups", "add", "staff", "alice"))
        for _ in range(2):
            done(run("groups", "remove", "staff", "alice"))
        done(run("groups", "delete", "staff", "--yes"))
    lines = [json.loads(it.message) for it in caplog.records if it.name == "oidcserver.audit"]
    assert [line["event"] for line in lines] == [
        "group_created", "group_changed", "group_member_added", "group_member_removed",
        "group_deleted",
    ]  # fmt: skip
    assert {line["group"] for line in lines} == {"staff"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("create", "staff"), "There is a group staff already."),
        (("create", "a\nb"), "no line break"),
        (("create", " "), "1 to 255 characters"),
        (("create", "g" * 256), "1 to 255 characters"),
        (("create", "other", "--role", "two words"), "A role is one word."),
        (("add", "staf", "alice"), "There is no group staf."),
        (("add", "staff", "alice", "nobody"), "There is no user nobody. Nothing was changed."),
        (("remove", "staff", "nobody"), "There is no user nobody."),
        (("delete", "staf", "--yes"), "There is no group staf."),
    ],
)
def test_a_command_says_what_is_wrong(run: Run, words: tuple[str, ...], sentence: str) -> None:
    done(run("users", "create", "alice", "--password-stdin", stdin="correct horse battery\n"))
    done(run("groups", "create", "staff"))
    result = run("groups", *words)
    assert result.exit_code == 1
    assert sentence in result.stderr
    listed = json.loads(done(run("groups", "list", "--json")))
    assert listed == [
        {
            "name": "staff",
            "created": True,
            "roles": [],
            "members": [],
            "by_upstream": [],
        }
    ]


CREATE = ("clients", "create", "--name", "Shop", "--redirect-uri", "https://shop.example/cb",
          "--scope", "openid", "--json")  # fmt: skip


def test_an_operator_says_who_may_use_a_client_and_who_is_asked(run: Run) -> None:
    words = ("--allowed-group", "staff", "--allowed-group", AWKWARD[0], "--skip-consent")
    made = json.loads(done(run(*CREATE, *words)))
    assert (made["allowed_groups"], made["skip_consent"]) == (["staff", AWKWARD[0]], True)
    change = ("--unset", "allowed_groups", "--no-skip-consent", "--json")
    made = json.loads(done(run("clients", "update", made["client_id"], *change)))
    assert (made["allowed_groups"], made["skip_consent"]) == (None, False)


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"allowed_groups": []}, "allowed_groups is empty: null lets every user in."),
        ({"allowed_groups": "staff"}, "allowed_groups is not a list of texts."),
        ({"allowed_groups": [" "]}, "allowed_groups has a name that is not of 1 to 255"),
        ({"skip_consent": "yes"}, "skip_consent is not true or false."),
    ],
)
def test_a_mistaken_value_is_rejected(run: Run, members: dict[str, Any], sentence: str) -> None:
    result = run(*CREATE, "--metadata", "-", stdin=json.dumps(members))
    assert result.exit_code == 1
    assert sentence in result.stderr


def test_a_client_cannot_give_itself_either_right(make_provider: Any) -> None:
    provider = make_provider(
        oauth__endpoints="authorization token registration", oauth__registration="open"
    )
    asked = {
        "redirect_uris": ["https://client.example/cb"],
        "skip_consent": True,
        "allowed_groups": ["staff"],
    }
    told = provider.browser().post_json("/oauth/register", asked, status=201).json
    assert {"skip_consent", "allowed_groups"}.isdisjoint(told)
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, told["client_id"])
        assert (client.skip_consent, client.allowed_groups) == (False, None)
        # Nor does an operator by accident: such a client changes its redirect URIs itself.
        with pytest.raises(InvalidClientMetadata, match="registered itself"):
            set_columns(client, {"skip_consent": True})
        assert client.skip_consent is False
