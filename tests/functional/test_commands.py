"""The `oidcserver` command, as an operator and as a script use it."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from pyramid.paster import get_app
from support.app import Provider, RelyingParty
from support.processes import write_ini

import oidcserver
from oidcserver.cli import main
from oidcserver.models import Authorization, LoginSession, User
from oidcserver.settings import ConfigurationProblem

ROOT = Path(oidcserver.__file__).parent.parent
Run = Callable[..., Result]


@pytest.fixture
def ini(tmp_path: Path, keys_directory: Path, provider_url: str) -> Path:
    return write_ini(
        tmp_path / "test.ini", 6543,
        oidcserver__database_url=provider_url,
        oidcserver__keys_directory=str(keys_directory),
        oauth__grants="authorization_code client_credentials password refresh_token",
    )  # fmt: skip


@pytest.fixture
def run(ini: Path) -> Run:
    def run(*words: str, stdin: str | None = None) -> Result:
        command = [word for word in (*words[:2], str(ini), *words[2:]) if word]
        return CliRunner().invoke(main, command, input=stdin)

    return run


def commands(group: click.Group, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command and group below a group, with the words that call it."""
    for name, command in group.commands.items():
        yield (*names, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)


def test_help_is_for_people_and_shows_an_example() -> None:
    runner = CliRunner()
    assert "Exit codes" in runner.invoke(main, ["--help"]).stdout
    for words, command in (((), main), *commands(main)):
        result = runner.invoke(main, [*words, "--help"])
        assert result.exit_code == 0
        if isinstance(command, click.Group):
            assert "..." not in result.stdout.partition("Commands:")[2], "a sentence is cut"
        else:
            assert "oidcserver " + " ".join(words) in result.stdout


@pytest.mark.both_databases
def test_a_client_is_created_with_metadata_of_a_file(run: Run, tmp_path: Path) -> None:
    signed_out = ["https://shop.example/signed-out"]
    file = tmp_path / "shop.json"
    file.write_text(json.dumps({"post_logout_redirect_uris": signed_out}))
    words = (
        "clients", "create", "--name", "Shop", "--redirect-uri", "https://shop.example/cb",
        "--grant-type", "authorization_code", "--response-type", "code", "--json", "--metadata",
    )  # fmt: skip

    registered = json.loads(run(*words, str(file)).stdout)
    assert registered["post_logout_redirect_uris"] == signed_out
    assert registered["redirect_uris"] == ["https://shop.example/cb"]
    piped = json.loads(run(*words, "-", stdin=file.read_text()).stdout)
    assert piped["post_logout_redirect_uris"] == signed_out
    assert run("clients", "show", registered["client_id"]).exit_code == 0


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not JSON"),
        ("[]", "has to be a JSON object"),
        ('{"client_name": "Other"}', "set: client_name."),
        ('{"post_logout_redirect_uris": "https://shop.example/"}', "post_logout_redirect_uris"),
    ],
)
def test_metadata_of_a_file_that_cannot_be_taken_is_explained(
    run: Run, tmp_path: Path, text: str, sentence: str
) -> None:
    file = tmp_path / "shop.json"
    file.write_text(text)
    result = run(
        "clients", "create", "--name", "Shop", "--redirect-uri", "https://shop.example/cb",
        "--grant-type", "authorization_code", "--response-type", "code", "--metadata", str(file),
    )  # fmt: skip
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert json.loads(run("clients", "list", "--json").stdout) == []


@pytest.mark.both_databases
def test_a_client_is_created_shown_listed_given_a_new_secret_and_deleted(run: Run) -> None:
    created = run(
        "clients", "create", "--name", "Shop", "--redirect-uri", "https://shop.example/cb",
        "--redirect-uri", "https://shop.example/cb2", "--grant-type", "authorization_code",
        "--response-type", "code", "--scope", "openid profile",
        "--token-endpoint-auth-method", "client_secret_post", "--json",
    )  # fmt: skip
    assert created.exit_code == 0, created.output
    client = json.loads(created.stdout)
    assert client["redirect_uris"] == ["https://shop.example/cb", "https://shop.example/cb2"]
    assert client["client_secret"].startswith("cs_")
    shown = json.loads(run("clients", "show", client["client_id"], "--json").stdout)
    assert shown["client_name"] == "Shop"
    assert "client_secret" not in shown
    assert "Shop" in run("clients", "list").stdout
    fresh = json.loads(run("clients", "new-secret", client["client_id"], "--json").stdout)
    assert fresh["client_secret"] not in ("", client["client_secret"])
    refused = run("clients", "delete", client["client_id"])
    assert refused.exit_code == 1
    assert "--yes" in refused.stderr
    assert run("clients", "delete", client["client_id"], "--yes").exit_code == 0
    gone = run("clients", "show", client["client_id"])
    assert (gone.exit_code, "There is no client" in gone.stderr) == (1, True)


@pytest.mark.both_databases
def test_a_created_client_works(run: Run, ini: Path, make_provider: Any) -> None:
    created = run(
        "clients", "create", "--name", "Robot", "--grant-type", "client_credentials",
        "--scope", "email", "--access-token-format", "jwt", "--json",
    )  # fmt: skip
    issued = json.loads(created.stdout)
    provider: Provider = make_provider()
    with provider.database() as dbsession:
        from oidcserver.models import Client

        client = dbsession.get_one(Client, issued["client_id"])
        dbsession.expunge(client)
    robot = RelyingParty(provider, client, issued["client_secret"])
    tokens = robot.token(grant_type="client_credentials").json
    assert tokens["scope"] == "email"
    assert tokens["access_token"].startswith("eyJ")


@pytest.mark.both_databases
def test_a_refused_client_says_why_and_exits_with_1(run: Run) -> None:
    refused = run("clients", "create", "--name", "X", "--redirect-uri", "javascript:alert(1)")
    assert refused.exit_code == 1
    assert "javascript" in refused.stderr
    assert "Traceback" not in refused.output


@pytest.mark.both_databases
def test_a_person_is_created_disabled_and_enabled(run: Run, make_provider: Any) -> None:
    created = run("users", "create", "alice", "--password-stdin", stdin="correct horse\n")
    assert created.exit_code == 0, created.output
    twice = run("users", "create", "Alice", "--password-stdin", stdin="correct horse\n")
    assert (twice.exit_code, "already" in twice.stderr) == (1, True)
    assert run("users", "create", "bob", "--password-stdin", stdin="short\n").exit_code == 1
    refused = run("users", "create", "b\u2019ob", "--password-stdin", stdin="correct horse\n")
    assert (refused.exit_code, "cannot hold '\u2019'" in refused.stderr) == (1, True)
    provider: Provider = make_provider(oidc__user_directory="database")
    client = provider.register()
    browser = provider.browser()
    page = client.authorize(browser)
    form = page.forms["login"]
    form["username"], form["password"] = "alice", "correct horse"
    from support.app import follow_to_answer

    consent = follow_to_answer(form.submit())
    tokens = client.exchange(client.answer(client.complete(consent))["code"])
    assert run("users", "disable", "alice").exit_code == 0
    client.userinfo(tokens["access_token"], status=401)
    client.refresh(tokens["refresh_token"], status=400)
    with provider.database() as dbsession:
        assert dbsession.query(User).one().disabled_at
        assert dbsession.query(LoginSession).filter_by(ended_at=None).count() == 0
        assert dbsession.query(Authorization).filter_by(revoked_at=None).count() == 0
    listed = json.loads(run("users", "list", "--json").stdout)
    assert [(user["username"], user["disabled_at"] > 0) for user in listed] == [("alice", True)]
    assert run("users", "enable", "alice").exit_code == 0
    assert run("users", "disable", "nobody").exit_code == 1


@pytest.mark.both_databases
def test_a_new_password_replaces_the_old_one(run: Run, make_provider: Any) -> None:
    run("users", "create", "alice", "--password-stdin", stdin="correct horse\n")
    run("users", "set-password", "alice", "--password-stdin", stdin="battery staple\n")
    provider = make_provider(oidc__user_directory="database")
    assert provider.browser().sign_in("alice", "battery staple").status_int == 303
    assert provider.browser().get("/login").forms["login"] is not None
    form = provider.browser().get("/login").forms["login"]
    form["username"], form["password"] = "alice", "correct horse"
    assert form.submit(status=403).status_int == 403


@pytest.mark.both_databases
def test_what_is_known_of_a_person_is_replaced_by_a_file_of_claims(
    run: Run, make_provider: Any, tmp_path: Path
) -> None:
    run("users", "create", "alice", "--password-stdin", stdin="correct horse\n")
    file = tmp_path / "claims.json"
    for claims in (
        {"name": "Alice Liddell", "name#fr": "Alice de Liddell"},
        {"email": "alice@example.org", "address": {}},
    ):
        file.write_text(json.dumps(claims))
        assert run("users", "set-claims", "alice", str(file)).exit_code == 0
    provider = make_provider()
    with provider.database() as dbsession:
        assert dbsession.query(User).one().claims == claims
    for text, sentence in (
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        ('{"role": "admin"}', "No scope here returns the claim role"),
        ('{"email_verified": "yes"}', "The claim email_verified has to be true or false"),
        ('{"name": null}', "The claim name has to be text"),
        ('{"address#fr": "Oxford"}', "The claim address#fr has to be an object"),
    ):
        file.write_text(text)
        refused = run("users", "set-claims", "alice", str(file))
        assert (refused.exit_code, sentence in refused.stderr) == (1, True)
    assert run("users", "set-claims", "nobody", str(file)).exit_code == 1


@pytest.mark.both_databases
def test_initdb_is_done_once_and_says_so_again(run: Run) -> None:
    assert run("initdb", "").exit_code == 0
    assert "already" in run("initdb", "").stdout


@pytest.mark.both_databases
def test_explain_says_what_becomes_of_the_scopes_that_a_client_requests(run: Run) -> None:
    words = ("--name", "Shop", "--redirect-uri", "https://shop.example/cb", "--json")
    created = run("clients", "create", *words, "--scope", "openid email")
    client_id = json.loads(created.stdout)["client_id"]
    explained = json.loads(run("explain", "", "--client", client_id, "--json").stdout)
    scopes = explained["scopes that it may request"]
    assert scopes["email"] == "granted"
    assert scopes["phone"] == "ignored: it is not registered for this client"
    assert explained["scope of a request that names none"] == ["email"]
    assert "email: granted" in run("explain", "", "--client", client_id).stdout
    unknown = run("explain", "", "--client", "nobody")
    assert unknown.exit_code == 1
    assert "There is no client nobody." in unknown.stderr


@pytest.mark.both_databases
def test_explain_says_where_each_part_comes_from(run: Run) -> None:
    explained = json.loads(run("explain", "", "--json").stdout)
    setting = explained["settings"]["oidc.issuer"]
    assert (setting["value"], setting["from"]) == ("http://127.0.0.1:6543", "ini")
    assert explained["settings"]["oauth.access_token_lifetime"]["from"] == "default"
    assert explained["grants"]["password"]["selected"] is True
    assert explained["grants"]["implicit"]["selected"] is False
    assert "grants/implicit.py:" in explained["grants"]["implicit"]["offered_at"]
    assert explained["discovery"]["issuer"] == "http://127.0.0.1:6543"
    assert explained["settings"]["oidcserver.database_url"]["value"] == "(given)"
    assert "oauth.grants" in run("explain", "").stdout


LDAP = """
from oidcserver.settings import reference, text


def includeme(config):
    config.add_oauth_setting("ldap.pin", text, "", "Declared as a secret.", secret=True)
    config.add_oauth_setting("ldap.account", reference, "", "May be a reference.")
    config.add_oauth_setting("ldap.bind_password", text, "", "Has the name of a secret.")
    config.add_oauth_setting("ldap.token", reference, "", "Is a reference.")
    config.add_oauth_setting("ldap.host", text, "", "No secret.")
    config.add_oauth_setting("ldap.secret", text, "", "Not given.")
"""


@pytest.mark.both_databases
def test_explain_prints_no_secret_of_a_plugin_beside_the_ini(
    run: Run, ini: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("LDAP_TOKEN", "hunter2")
    ini.with_name("ldap_beside.py").write_text(LDAP)
    settings = ("oidcserver.includes = ldap_beside", "ldap.pin = hunter2", "ldap.account = hunter2",
                "ldap.bind_password = hunter2", "ldap.token = env:LDAP_TOKEN",
                "ldap.host = ldap.example")  # fmt: skip
    text = ini.read_text()
    ini.write_text(text.replace("[server:main]", "\n".join((*settings, "[server:main]"))))
    result = run("explain", "", "--json")
    sys.modules.pop("ldap_beside", None)
    explained = json.loads(result.stdout)["settings"]
    assert {name: explained[name]["value"] for name in explained if name.startswith("ldap.")} == {
        "ldap.pin": "(given)", "ldap.account": "(given)", "ldap.bind_password": "(given)",
        "ldap.token": "env:LDAP_TOKEN", "ldap.host": "ldap.example", "ldap.secret": "",
    }  # fmt: skip
    assert "hunter2" not in run("explain", "").stdout + result.stdout


@pytest.mark.both_databases
def test_a_refused_configuration_is_one_sentence_and_exit_code_1(ini: Path) -> None:
    ini.write_text(ini.read_text().replace("oauth.grants = ", "oauth.grants = magic "))
    refused = CliRunner().invoke(main, ["explain", str(ini)])
    assert refused.exit_code == 1
    assert refused.stderr.startswith("oauth.grants names 'magic', which nobody offers.")
    assert CliRunner().invoke(main, ["explain", "/does/not/exist.ini"]).exit_code == 1


@pytest.mark.both_databases
def test_a_rejection_is_explained_by_its_reference(run: Run, make_provider: Any) -> None:
    provider = make_provider()
    client = provider.register()
    page = client.authorize(provider.browser(), redirect_uri="https://evil.example/cb")
    import re

    found = re.search(r"[A-Z]{5}-[A-Z]{5}", page.text)
    assert found is not None
    assert client.client.redirect_uris[0] not in page.text
    explained = json.loads(run("explain-error", "", found[0], "--json").stdout)
    assert explained["rule"] == "RFC 9700 section 4.1"
    assert explained["received"]["redirect_uri"] == "https://evil.example/cb"
    assert explained["received"]["registered"] == list(client.client.redirect_uris)
    assert explained["client_id"] == client.client_id
    assert "evil.example" in run("explain-error", "", found[0].lower()).stdout
    assert run("explain-error", "", "XXXXX-XXXXX").exit_code == 1


@pytest.mark.both_databases
def test_prune_removes_what_has_expired_and_nothing_else(
    run: Run, make_provider: Any, clock: Any
) -> None:
    provider = make_provider()
    client = provider.register()
    old = client.exchange(client.login(provider.browser())["code"])
    forgetful = provider.browser()
    forgetful.sign_in()
    client.authorize(forgetful)
    clock.advance(95 * 86400)
    browser = provider.browser()
    live = client.exchange(client.login(browser)["code"])
    assert run("prune", "", "--batch", "0").exit_code == 2
    removed = json.loads(run("prune", "", "--batch", "1", "--json").stdout)
    assert removed["authorization"] == 1
    assert removed["suspended_request"] == 2
    assert removed["login_session"] == 2
    assert client.refresh(old["refresh_token"], status=400)["error"] == "invalid_grant"
    assert "access_token" in client.refresh(live["refresh_token"])
    client.userinfo(live["access_token"])
    assert sum(json.loads(run("prune", "", "--json").stdout).values()) == 0


def test_production_gets_its_first_keys_from_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OIDCSERVER_DATABASE_URL", f"sqlite:///{tmp_path / 'p.sqlite'}")
    ini = tmp_path / "production.ini"
    ini.write_text((ROOT / "production.ini").read_text())
    runner = CliRunner()
    assert runner.invoke(main, ["initdb", str(ini)]).exit_code == 0
    refused = runner.invoke(main, ["keys", "list", str(ini)])
    assert (refused.exit_code, "keys rotate" in refused.stderr) == (1, True)
    assert runner.invoke(main, ["keys", "rotate", str(ini)]).exit_code == 0
    rows = json.loads(runner.invoke(main, ["keys", "list", str(ini), "--json"]).stdout)
    assert {row["state"] for row in rows} == {"active"}
    assert runner.invoke(main, ["keys", "rotate", str(ini), "--alg", "ES256"]).exit_code == 0
    rows = json.loads(runner.invoke(main, ["keys", "list", str(ini), "--json"]).stdout)
    assert sorted(row["state"] for row in rows if row["alg"] == "ES256") == ["active", "published"]
    assert all("jwk" not in row and "d" not in row for row in rows)


def test_keys_that_clients_encrypt_to_are_made_and_rotated_like_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OIDCSERVER_DATABASE_URL", f"sqlite:///{tmp_path / 'p.sqlite'}")
    ini = tmp_path / "production.ini"
    runner = CliRunner()

    def rows() -> list[tuple[str, str, str]]:
        listed = json.loads(runner.invoke(main, ["keys", "list", str(ini), "--json"]).stdout)
        return [(row["kind"], row["alg"], row["state"]) for row in listed if row["kind"] != "seal"]

    def rotate(*options: str) -> Result:
        return runner.invoke(main, ["keys", "rotate", str(ini), *options])

    production = (ROOT / "production.ini").read_text()
    only = "[app:main]\noidc.signing_algs = RS256\n"
    ini.write_text(production.replace("[app:main]\n", only))
    assert runner.invoke(main, ["initdb", str(ini)]).exit_code == 0
    assert rotate().exit_code == 0
    ini.write_text(production.replace("[app:main]\n", f"{only}oidc.decryption_algs = ECDH-ES\n"))
    with pytest.raises(ConfigurationProblem, match=r"no active key in .* for ECDH-ES"):
        get_app(str(ini))
    assert "missing" in rotate().stdout
    signing, encryption = ("sig", "RS256", "active"), ("enc", "ECDH-ES", "active")
    assert rows() == [signing, encryption], "what was there is not rotated along"
    assert rotate("--alg", "ECDH-ES").exit_code == 0
    assert rows() == [signing, ("enc", "ECDH-ES", "published"), encryption]
    assert "have no RSA-OAEP" in rotate("--alg", "RSA-OAEP").stderr
    get_app(str(ini)).registry.oidc.database.engine.dispose()
