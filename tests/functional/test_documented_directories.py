"""What docs/directories.md shows works as shown: settings of LDAP, and imports of other systems."""

import configparser
import json
import os
import subprocess
import sys
from base64 import b64encode
from hashlib import pbkdf2_hmac
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from support.app import Provider
from support.processes import write_ini
from support.reader import BLOCK, ROOT, section

from oidcserver.cli import main

if TYPE_CHECKING:  # it imports python-ldap, which may not be installed
    from support.slapd import Slapd

WORD = "a long word"
EXAMPLES = ROOT / "examples" / "import"


def test_an_ldap_server_is_connected_by_the_guide_alone(
    ldap: "Slapd", make_provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from support.slapd import READER_PASSWORD, SUFFIX

    monkeypatch.setenv("LDAP_PASSWORD", READER_PASSWORD)
    for name in ("people", "groups"):
        ldap.add(f"ou={name},{SUFFIX}", objectClass="organizationalUnit", ou=name)
    alice = ldap.add(
        f"uid=alice,ou=people,{SUFFIX}", objectClass="inetOrgPerson", uid="alice", cn="Alice L",
        sn="L", mail="alice@example.com", userPassword=WORD,
    )  # fmt: skip
    ldap.add(f"cn=staff,ou=groups,{SUFFIX}", objectClass="groupOfNames", cn="staff", member=alice)

    text = section("directories.md", "LDAP")
    blocks = [(language, content) for _, language, content in BLOCK.findall(text)]
    [search] = [content for _, content in blocks if content.startswith("ldapsearch")]
    search = search.replace("ldaps://ldap.example.com", ldap.tls_url)
    found = subprocess.run(
        ["bash", "-euc", search.replace("-W", '-w "$LDAP_PASSWORD"')],
        env={**os.environ, "LDAPTLS_CACERT": str(ldap.ca)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "mail: alice@example.com" in found.stdout

    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(f"[x]\n{next(content for kind, content in blocks if kind == 'ini')}")
    settings = {name.replace(".", "__", 1): value for name, value in parser["x"].items()}
    settings |= {"oidc__ldap_url": ldap.tls_url, "oidc__ldap_ca_bundle": str(ldap.ca)}
    provider: Provider = make_provider(**settings)
    client = provider.register(scope="openid email groups")
    form = client.authorize(provider.browser(), scope="openid email groups").forms["login"]
    form["username"], form["password"] = "alice@example.com", WORD
    consent = form.submit().maybe_follow().forms["consent"]
    code = client.answer(consent.submit("decision", value="allow").follow())["code"]
    claims = client.userinfo(client.exchange(code)["access_token"]).json
    assert (claims["email"], claims["email_verified"]) == ("alice@example.com", True)
    assert claims["groups"] == ["staff"]

    microsoft = [content for kind, content in blocks if kind == "ini"][1]
    parser.read_string(f"[y]\n{microsoft}")
    own = {name.replace(".", "__", 1): value for name, value in parser["y"].items()}
    assert make_provider(**{**settings, **own}), "the provider starts"


def test_the_file_of_the_guide_is_imported_as_shown(
    provider: Provider, tmp_path: Path, keys_directory: Path
) -> None:
    blocks = BLOCK.findall("\n" + section("directories.md", "Import users"))
    [command] = [text for _, kind, text in blocks if kind == "sh" and "users.csv" in text]
    [file] = [text for _, kind, text in blocks if kind == "text" and text.startswith("username,")]
    (tmp_path / "users.csv").write_text(file)
    import_into(provider, tmp_path, keys_directory, command.strip())
    alice = show(provider, "alice", tmp_path)
    assert alice["groups"] == ["dev", "staff"]
    assert alice["claims"] == {
        "name": "Alice Liddell", "email": "alice@example.com", "email_verified": True,
    }  # fmt: skip


DJANGO = """
import django
from django.conf import settings

apps = ["django.contrib.auth", "django.contrib.contenttypes"]
database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
settings.configure(INSTALLED_APPS=apps, DATABASES={"default": database})
django.setup()
from django.contrib.auth.models import Group, User
from django.core.management import call_command

call_command("migrate", verbosity=0)
alice = User.objects.create_user("alice", "alice@example.com", "a long word", last_name="Liddell")
alice.groups.add(Group.objects.create(name="staff"))
User.objects.create_user("bob", is_active=False)
"""


IMPORT = "oidcserver users import production.ini users.json --create-groups"


def import_into(provider: Provider, tmp_path: Path, keys: Path, command: str = IMPORT) -> None:
    """Import a file by a command that the page shows."""
    url = provider.registry.oidc.database.engine.url.render_as_string(hide_password=False)
    ini = write_ini(
        tmp_path / "production.ini", 6543, oidcserver__database_url=url,
        oidcserver__keys_directory=str(keys), oidc__user_directory="database",
    )  # fmt: skip
    assert command in (ROOT / "docs" / "directories.md").read_text()
    words = command.replace("production.ini", str(ini)).replace("users.", f"{tmp_path}/users.")
    result = CliRunner().invoke(main, words.split()[1:])
    assert result.exit_code == 0, result.output


def show(provider: Provider, name: str, tmp_path: Path) -> Any:
    words = ["users", "show", str(tmp_path / "production.ini"), name, "--json"]
    return json.loads(CliRunner().invoke(main, words).stdout)


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(oidc__user_directory="database")
    return made


def test_users_of_django_sign_in(provider: Provider, tmp_path: Path, keys_directory: Path) -> None:
    script = DJANGO + (EXAMPLES / "from_django.py").read_text()
    subprocess.run([sys.executable, "-"], input=script.encode(), cwd=tmp_path, check=True)
    import_into(provider, tmp_path, keys_directory)
    provider.browser().sign_in("alice", WORD, status=303)
    provider.browser().sign_in("alice", "another word", status=403)
    alice, bob = show(provider, "alice", tmp_path), show(provider, "bob", tmp_path)
    assert alice["groups"] == ["staff"]
    assert alice["claims"] == {
        "name": "Liddell", "family_name": "Liddell", "email": "alice@example.com",
    }  # fmt: skip
    assert (bob["disabled_at"] is None, bob["has_password"]) == (False, False)


def test_users_of_keycloak_sign_in(
    provider: Provider, tmp_path: Path, keys_directory: Path
) -> None:
    salt = b"0123456789abcdef"
    secret = {
        "value": b64encode(pbkdf2_hmac("sha512", WORD.encode(), salt, 1000)).decode(),
        "salt": b64encode(salt).decode(),
        "additionalParameters": {},
    }
    data = {"hashIterations": 1000, "algorithm": "pbkdf2-sha512", "additionalParameters": {}}
    password = {
        "type": "password", "secretData": json.dumps(secret), "credentialData": json.dumps(data),
    }  # fmt: skip
    alice = {
        "id": "4b9609f1-2f5e-4d34-9d5a-c0d1f4a3ab2e", "username": "alice", "enabled": True,
        "email": "alice@example.com", "emailVerified": True, "firstName": "Alice",
        "credentials": [{"type": "otp"}, password], "groups": ["/staff"],
    }  # fmt: skip
    robot = {"id": "2", "username": "service-account-x", "serviceAccountClientId": "x"}
    realm = tmp_path / "realm.json"
    realm.write_text(json.dumps({"users": [alice, robot, {"id": "3", "username": "bob"}]}))
    with (tmp_path / "users.json").open("wb") as stream:
        script = EXAMPLES / "from_keycloak.py"
        subprocess.run([sys.executable, script, realm], stdout=stream, check=True)
    import_into(provider, tmp_path, keys_directory)
    provider.browser().sign_in("alice", WORD, status=303)
    shown = show(provider, "alice", tmp_path)
    assert shown["id"] == alice["id"]
    assert shown["groups"] == ["staff"]
    assert shown["claims"]["email_verified"] is True
    assert show(provider, "bob", tmp_path)["has_password"] is False
