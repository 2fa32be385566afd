"""Users by command: shown, renamed, deleted, signed out, imported and exported."""

import csv
import io
import json
import logging
from base64 import b64encode
from collections.abc import Callable
from hashlib import pbkdf2_hmac, scrypt
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from argon2 import PasswordHasher
from argon2.low_level import Type
from click.testing import CliRunner, Result
from sqlalchemy import select
from support.app import Provider, RelyingParty
from support.mailed import letters
from support.processes import write_ini

from oidcserver.accounts.passwords import hash_password
from oidcserver.cli import main
from oidcserver.models import Activity, Group, User
from oidcserver.models.user import find_user
from oidcserver.oidc.claim_types import claim_lines
from oidcserver.settings import Setting, convert_settings

pytestmark = pytest.mark.both_databases

WORD = "ein langes Wört"
SCOPES = "groups: groups\nwork: badge weight vip places desk note tag"
CLAIMS = """badge: number
weight: number
vip: boolean
places: list
desk: object
note: string"""
SETTINGS = {
    "oidc__user_directory": "database",
    "oidc__scope_claims": SCOPES,
    "oidc__claims": CLAIMS,
}
Run = Callable[..., Result]


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(**SETTINGS)
    return made


@pytest.fixture
def run(tmp_path: Path, keys_directory: Path, provider_url: str) -> Run:
    """Return a function that runs a command of `oidcserver users`."""
    ini = write_ini(
        tmp_path / "test.ini", 6543,
        **SETTINGS,
        oidcserver__database_url=provider_url,
        oidcserver__keys_directory=str(keys_directory),
    )  # fmt: skip

    def run(command: str, *words: str, stdin: str | None = None, fails: bool = False) -> Result:
        result = CliRunner().invoke(main, ["users", command, str(ini), *words], input=stdin)
        assert result.exit_code == int(fails), result.output
        assert "Traceback" not in result.output
        return result

    return run


def add(provider: Provider, *names: str, **columns: Any) -> None:
    """Add users with a password."""
    hashed = hash_password(WORD)
    with provider.database() as dbsession:
        dbsession.add_all(User(name, password_hash=hashed, **columns) for name in names)


def sign_in(client: RelyingParty, name: str) -> tuple[Any, dict[str, Any]]:
    """Sign in and allow everything; return the browser and the tokens."""
    browser = client.provider.browser()
    scope = "openid profile offline_access"
    form = client.authorize(browser, scope=scope).forms["login"]
    form["username"], form["password"] = name, WORD
    response = form.submit().maybe_follow()
    if "consent" in response.forms:
        response = response.forms["consent"].submit("decision", value="allow").follow()
    return browser, client.exchange(client.answer(response)["code"])


def test_a_renamed_user_keeps_the_account(provider: Provider, run: Run) -> None:
    add(provider, "alice", "bob", claims={"nickname": "Al"})
    client = provider.register()
    _, tokens = sign_in(client, "alice")
    sub = client.userinfo(tokens["access_token"]).json["sub"]
    renamed = json.loads(run("rename", "Alice", "Alicia", "--json").stdout)
    assert renamed == {"id": sub, "username": "Alicia"}
    claims = client.userinfo(tokens["access_token"]).json
    assert (claims["sub"], claims["preferred_username"]) == (sub, "Alicia")
    assert client.refresh(tokens["refresh_token"])
    _, again = sign_in(client, "alicia")
    assert client.userinfo(again["access_token"]).json["sub"] == sub
    provider.browser().sign_in("alice", WORD, status=403)
    assert "There is a user BOB already." in run("rename", "alicia", "BOB", fails=True).stderr
    assert "ALICIA is ALICIA now." in run("rename", "ALICIA", "ALICIA").stdout
    shown = json.loads(run("show", "alicia", "--json").stdout)
    assert shown["id"] == shown["id_in_directory"] == sub
    assert (shown["username"], shown["directory"]) == ("ALICIA", "local")
    assert shown["applications"] == [client.client_id]
    assert (shown["sessions"], shown["has_password"]) == (2, True)
    assert "disabled_at: -" in run("show", "alicia").stdout
    assert "There is no user alice." in run("show", "alice", fails=True).stderr


def test_what_another_directory_decides_is_not_changed_here(provider: Provider, run: Run) -> None:
    with provider.database() as dbsession:
        dbsession.add(User("carol", realm="ldap", external_id="1"))
    assert (
        "has the name of carol: change the name there"
        in run("rename", "carol", "c", fails=True).stderr
    )
    refused = run("set-claims", "carol", "-", stdin='{"name": "Carol"}', fails=True)
    assert "has the claims of carol: change the claims there" in refused.stderr
    with provider.database() as dbsession:
        assert dbsession.scalars(select(User)).one().claims == {}
    words = ("set-password", "carol", "--password-stdin")
    refused = run(*words, stdin="a long password indeed\n", fails=True)
    assert "change it there" in refused.stderr
    assert "cannot be asked about users" in run("sync", fails=True).stderr


def test_a_deleted_user_has_nothing_left(provider: Provider, run: Run) -> None:
    add(provider, "alice")
    client = provider.register()
    browser, tokens = sign_in(client, "alice")
    assert "--yes" in run("delete", "alice", fails=True).stderr
    assert client.userinfo(tokens["access_token"])
    deleted = json.loads(run("delete", "alice", "--yes", "--json").stdout)
    assert deleted["ended_authorizations"] == 1
    client.userinfo(tokens["access_token"], status=401)
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"
    assert client.authorize(browser).forms["login"]
    with provider.database() as dbsession:
        assert dbsession.scalars(select(User)).all() == []


def test_users_are_signed_out_everywhere(provider: Provider, run: Run) -> None:
    add(provider, "alice", "bob")
    client = provider.register()
    users = {name: sign_in(client, name) for name in ("alice", "bob")}
    assert "Signed out 1 user; ended 1 session." in run("sign-out", "alice").stdout
    assert client.authorize(users["alice"][0]).request.path == "/login"
    tokens = client.refresh(users["alice"][1]["refresh_token"])
    assert (
        "Signed out 1 user; ended 1 authorization." in run("sign-out", "alice", "--tokens").stdout
    )
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"
    assert users["bob"][0].get("/account", status=200)
    assert "--yes" in run("sign-out", "--everybody", fails=True).stderr
    everybody = json.loads(run("sign-out", "--everybody", "--yes", "--tokens", "--json").stdout)
    assert everybody["users"] == 1
    client.userinfo(users["bob"][1]["access_token"], status=401)
    assert client.authorize(users["bob"][0]).request.path == "/login"


def hashes() -> dict[str, Any]:
    """Return a hash of each kind of the password."""
    salt, word = b"0123456789abcdef", WORD.encode()
    key = pbkdf2_hmac("sha256", word, salt, 1000)
    unpadded = b64encode(salt).decode().rstrip("="), b64encode(key).decode().rstrip("=")
    cost = {"hashIterations": 1000, "algorithm": "pbkdf2-sha256", "additionalParameters": {}}
    secret = {"value": b64encode(key).decode(), "salt": b64encode(salt).decode()}
    derived = scrypt(word, salt=salt, n=1024, r=8, p=1)
    old = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1, type=Type.I)
    return {
        "of-bcrypt": bcrypt.hashpw(word, bcrypt.gensalt(4)).decode(),
        "of-django": f"pbkdf2_sha256$1000${salt.decode()}${b64encode(key).decode()}",
        "of-passlib": f"$pbkdf2-sha256$1000${unpadded[0]}${unpadded[1]}".replace("+", "."),
        "of-scrypt": f"scrypt$1024${salt.decode()}$8$1${b64encode(derived).decode()}",
        "of-argon2": old.hash(WORD),
        "of-keycloak": {
            "secretData": json.dumps(secret), "credentialData": json.dumps(cost),
        },
    }  # fmt: skip


@pytest.mark.parametrize("form", ["json", "csv"])
def test_imported_users_sign_in_with_their_passwords(
    provider: Provider, run: Run, tmp_path: Path, form: str
) -> None:
    file = tmp_path / f"users.{form}"
    made = hashes()
    if form == "json":
        file.write_text(json.dumps([{"username": n, "password_hash": h} for n, h in made.items()]))
    else:
        with file.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["username", "password_hash"])
            for name, value in made.items():
                writer.writerow([name, value if isinstance(value, str) else json.dumps(value)])
    assert f"Imported {len(made)} users; skipped 0." in run("import", str(file)).stdout
    for name in made:
        provider.browser().sign_in(name, WORD + "x", status=403)
        provider.browser().sign_in(name, WORD, status=303)
        with provider.database() as dbsession:
            user = find_user(dbsession, name)
            assert user is not None
            assert user.password_hash is not None
            assert user.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$"), name
        provider.browser().sign_in(name, WORD, status=303)


USERS = """\
username,id,email,email_verified,groups,disabled,address,phone_number
alice,0f4-1,alice@example.com,true,staff; dev,,"{""country"": ""NL""}",'+31 6
Bob,,,,,true,,
"""


def test_all_that_a_file_says_of_a_user_is_imported(
    provider: Provider, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "users.csv"
    file.write_text("\ufeff" + USERS)
    refused = run("import", str(file), fails=True)
    assert "line 2: There is no group staff: create it, or pass --create-groups." in refused.stderr
    assert "Nothing was imported" in refused.stderr
    run("import", str(file), "--create-groups")
    with provider.database() as dbsession:
        alice, bob = find_user(dbsession, "alice"), find_user(dbsession, "bob")
        assert alice is not None
        assert bob is not None
        assert (alice.id, alice.password_hash, alice.disabled_at) == ("0f4-1", None, None)
        assert alice.claims == {
            "email": "alice@example.com", "email_verified": True,
            "address": {"country": "NL"}, "phone_number": "+31 6",
        }  # fmt: skip
        assert alice.address_key == "alice@example.com"
        assert bob.disabled_at is not None
        assert set(dbsession.scalars(select(Group.name))) == {"staff", "dev"}
    exported = run("export", "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert rows[0]["phone_number"] == "'+31 6", "no spreadsheet takes it for a formula"
    assert "password_hash" not in rows[0]
    as_json = json.loads(run("export").stdout)
    assert as_json[0]["groups"] == ["dev", "staff"]
    for name in ("alice", "bob"):
        run("delete", name, "--yes")
    for content in (exported, json.dumps(as_json)):
        file.write_text(content)
        run("import", str(file))
        assert json.loads(run("export").stdout) == as_json
        for name in ("alice", "bob"):
            run("delete", name, "--yes")


def test_each_claim_of_a_file_has_its_type(provider: Provider, run: Run, tmp_path: Path) -> None:
    claims = {
        "badge": -42, "weight": 1e-07, "vip": False, "places": ["London", "7"],
        "desk": {"floor": 2}, "note": "[x", "tag": ["a"], "phone_number": "42", "updated_at": 1.5,
    }  # fmt: skip
    add(provider, "alice", claims=claims)
    file = tmp_path / "users.csv"
    file.write_text(run("export", "--csv").stdout)
    run("delete", "alice", "--yes")
    run("import", str(file))
    with provider.database() as dbsession:
        alice = find_user(dbsession, "alice")
        assert alice is not None
        assert alice.claims == claims
        assert type(alice.claims["badge"]) is int
    file.write_text("username,badge,vip\nbob,7 kg,\ncarol,NaN,\ndave,1e999,\neve,,perhaps\n")
    refused = run("import", str(file), fails=True).stderr.splitlines()
    assert refused[:3] == [
        f"line {number}: The claim badge has to be a number." for number in (2, 3, 4)
    ]
    assert refused[3] == "line 5: The claim vip has to be true or false."
    file.write_text(
        'username,email_verified,address\nbob,maybe,\ncarol,,home\ndave,,"{""a"": 5}"\n'
    )
    refused = run("import", str(file), fails=True).stderr.splitlines()
    assert refused[:3] == [
        "line 2: The claim email_verified has to be true or false.",
        "line 3: The claim address has to be an object.",
        "line 4: The claim address has to be an object whose members are text.",
    ]


def test_claims_that_upstreams_store_can_be_imported_where_no_scope_returns_them(
    make_provider: Any, run: Run, tmp_path: Path
) -> None:
    provider = make_provider(**SETTINGS, oauth__scopes="openid groups work")
    add(provider, "alice", claims={"email": "alice@example.com", "email_verified": True})
    file = tmp_path / "users.json"
    file.write_text(run("export").stdout)
    run("delete", "alice", "--yes")
    ini = tmp_path / "test.ini"
    line = "oidc.user_directory = database\n"
    assert line in ini.read_text()
    scopes = f"{line}oauth.scopes = openid groups work\n"
    ini.write_text(ini.read_text().replace(line, scopes))
    run("import", str(file))
    assert json.loads(run("export").stdout)[0]["claims"]["email_verified"] is True


def test_hashes_are_exported_where_they_are_asked_for(
    provider: Provider, run: Run, tmp_path: Path
) -> None:
    add(provider, "alice")
    assert "argon2" not in run("export").stdout
    file = tmp_path / "users.json"
    file.write_text(run("export", "--password-hashes").stdout)
    run("delete", "alice", "--yes")
    run("import", str(file))
    provider.browser().sign_in("alice", WORD, status=303)


BAD = {
    "of-unknown-kind": ({"password_hash": "md5$x$y"}, "unknown kind"),
    "x" * 255: ({}, "characters"),
    "of-ldap": ({"password_hash": "{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr"}, "unknown kind"),
    "ALICE": ({}, "The name ALICE is that of user 1 too."),
    "twice": ({"id": "taken"}, "The id taken is that of user 1 too."),
    "odd-id": ({"id": "a b"}, "An id has"),
    "odd-claim": ({"claims": {"shoe_size": 38}}, "No scope here returns the claim shoe_size"),
    "odd-type": ({"claims": {"email_verified": "yes"}}, "true or false"),
    "odd-address": ({"claims": {"address": {"locality": 5}}}, "members are text"),
    "odd-email": ({"claims": {"email": 5}}, "The claim email has to be text."),
    "no-email": ({"claims": {"email": "no address"}}, "email is 'no address', which is no email"),
    "infinite": ({"claims": {"tag": float("inf")}}, "not JSON compliant"),
    "nul": ({"claims": {"name": "a\0b"}}, "NUL"),
    "odd-groups": ({"groups": "staff"}, "groups is not a list of names"),
    "odd-group": ({"groups": ["a\nb"]}, "no line break"),
    "odd-member": ({"password": "secret"}, "unknown members: password"),
    "odd-disabled": ({"disabled": "no"}, "disabled is true or false"),
}


def test_bad_users_are_named_and_skipped_on_demand(
    provider: Provider, run: Run, tmp_path: Path
) -> None:
    records: list[Any] = [{"username": "alice", "id": "taken"}, 7, {"id": "nameless"}]
    records += [{"username": name, **more} for name, (more, _) in BAD.items()]
    file = tmp_path / "users.json"
    file.write_text(json.dumps(records))
    refused = run("import", str(file), fails=True)
    sentences = ["It is not an object.", "It has no username.", *(it for _, it in BAD.values())]
    for number, sentence in enumerate(sentences, start=2):
        [line] = [it for it in refused.stderr.splitlines() if it.startswith(f"user {number}: ")]
        assert sentence in line
    with provider.database() as dbsession:
        assert dbsession.scalars(select(User)).all() == []
    done = json.loads(run("import", str(file), "--skip-bad", "--json").stdout)
    assert (done["imported"], done["skipped"]) == (1, len(sentences))
    assert "alice" in run("list").stdout


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"[{", "not JSON"),
        (b'{"username": "alice"}', "write [ and ] around it"),
        (b"name,email\nalice,a@example.com\n", "one is username"),
        (b"username,username\n", "each once"),
        (b'username\n"alice', "not CSV: line 2"),
        (b"username,name\nalice\n", "line 2: It has 1 cell,"),
        (b"username,tag\nalice,[\n", "line 2: The claim tag is not JSON"),
        (b"username,groups\nalice,[\n", "line 2: The groups are no JSON list"),
    ],
)
def test_a_file_that_cannot_be_read_is_explained(
    content: bytes, sentence: str, tmp_path: Path
) -> None:
    from oidcserver.cli.user_files import read_records

    settings = convert_settings((Setting("oidc.claims", claim_lines, {}, ""),), {})
    try:
        lines = read_records(settings, content)
        said = " ".join(f"{line.place}: {line.problem}" for line in lines)
    except ValueError as problem:
        said = str(problem)
    assert sentence in said


def test_users_of_another_directory_are_not_added_here(
    provider: Provider, run: Run, tmp_path: Path
) -> None:
    ini = tmp_path / "test.ini"
    another = "oidc.user_directory = people\noidcserver.includes = support.people_plugin"
    ini.write_text(ini.read_text().replace("oidc.user_directory = database", another))
    file = tmp_path / "users.json"
    file.write_text('[{"username": "alice"}]')
    for words, stdin in (
        (("import", str(file)), None),
        (("create", "alice", "--password-stdin"), "a long password indeed\n"),
    ):
        refused = run(*words, stdin=stdin, fails=True)
        assert "oidc.user_directory = people: add users there" in refused.stderr
    with provider.database() as dbsession:
        assert dbsession.scalars(select(User)).all() == []


def test_users_hear_of_what_commands_change(provider: Provider, run: Run) -> None:
    run("create", "alice", "--password-stdin", stdin=WORD)
    address = {"email": "alice@example.com", "email_verified": True}
    run("set-claims", "alice", "-", stdin=json.dumps({**address, "name": "Alice"}))
    run("set-claims", "alice", "-", stdin=json.dumps(address))
    assert letters(provider) == [], "there was no address before, and then it did not change"
    run("set-password", "alice", "--password-stdin", stdin=WORD)
    run("set-claims", "alice", "-", stdin='{"email": "mallory@example.com"}')
    told = [(it.to, it.subject) for it in letters(provider)]
    assert sorted(told) == [
        ("alice@example.com", "Your email address was changed"),
        ("alice@example.com", "Your password was changed"),
    ]
    with provider.database() as dbsession:
        events = sorted(dbsession.scalars(select(Activity.event)))
    assert events == [
        "address_changed", "address_changed", "password_changed", "profile_changed",
        "user_registered",
    ]  # fmt: skip


def test_commands_announce_what_they_change(
    provider: Provider, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    add(provider, "alice")
    client = provider.register()
    browser, _ = sign_in(client, "alice")
    sign_in(client, "alice")

    def announced(*words: str, stdin: str | None = None) -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.INFO, "oidcserver.audit"):
            run(*words, stdin=stdin)
        lines = [json.loads(it.message) for it in caplog.records if it.name == "oidcserver.audit"]
        assert all("user_id" in line for line in lines)
        return [line["event"] for line in lines]

    assert announced("create", "bob", "--password-stdin", stdin=WORD) == ["user_registered"]
    assert announced("rename", "bob", "rob") == ["profile_changed"]
    assert announced("sign-out", "alice") == ["session_ended", "session_ended"]
    assert announced("sign-out", "alice", "--tokens") == []
    browser.sign_in("alice", WORD)
    assert announced("sign-out", "--everybody", "--tokens", "--yes") == ["session_ended"]
    assert announced("disable", "alice") == ["user_disabled"]
    assert announced("disable", "alice") == []
    assert announced("enable", "alice") == ["user_enabled"]
    assert announced("enable", "alice") == []
    assert announced("delete", "alice", "--yes") == ["user_deleted"]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("short", "A password has at least 8 characters."),
        ("x" * 4097, "A password must not be longer than 4096 bytes."),
        ("with a \0 character", "A password must not contain a NUL character."),
    ],
)
def test_a_password_that_cannot_be_used_is_a_sentence(
    provider: Provider, run: Run, word: str, sentence: str
) -> None:
    add(provider, "alice")
    for command, name in (("create", "bob"), ("set-password", "alice")):
        refused = run(command, name, "--password-stdin", stdin=word, fails=True)
        assert sentence in refused.stderr


def test_json_that_is_nested_too_deeply_is_a_sentence(
    provider: Provider, run: Run, tmp_path: Path
) -> None:
    add(provider, "alice")
    deep, file = "[" * 100_000, tmp_path / "users.json"
    file.write_text(deep)
    assert "it is nested too deeply" in run("import", str(file), fails=True).stderr
    file.write_text(json.dumps([{"username": "bob", "password_hash": '{"secretData": ' + deep}]))
    assert "The credential is not JSON." in run("import", str(file), fails=True).stderr
    quoted = json.dumps({"secretData": deep, "credentialData": "{}"})
    file.write_text(json.dumps([{"username": "bob", "password_hash": quoted}]))
    assert "not a password credential of Keycloak" in run("import", str(file), fails=True).stderr
    file.write_text(f"username,groups,nickname\nbob,{deep},x\n")
    assert "The groups are no JSON list." in run("import", str(file), fails=True).stderr
    assert "is not JSON." in run("set-claims", "alice", "-", stdin=deep, fails=True).stderr
