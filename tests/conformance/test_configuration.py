"""The way to a provider that can be certified, command by command, as docs/conformance.md says."""

import json
import re
import shlex
import shutil
from pathlib import Path

from click.testing import CliRunner
from pyramid.paster import get_app
from support.conformance import INI, PASSWORD
from webtest import TestApp

from oidcserver.cli import main

DOCUMENT = INI.parent / "docs" / "conformance.md"


def commands_of(text: str, prefix: str = "") -> list[list[str]]:
    """Return the words of each line of a text that is an ``oidcserver`` command."""
    lines = re.findall(rf"^{prefix} *oidcserver (.+)$", text, re.MULTILINE)
    return [line.split() for line in lines]


def test_the_commands_make_a_provider_that_starts(tmp_path: Path) -> None:
    ini = tmp_path / "conformance.ini"
    shutil.copy(INI, ini)
    document = DOCUMENT.read_text()
    (tmp_path / "claims.json").write_text(re.findall(r"```json\n(.*?)```", document, re.DOTALL)[0])
    told = [words for words in commands_of(document) if "conformance.ini" in words]
    assert [words[:2] for words in told] == [
        ["initdb", "conformance.ini"], ["keys", "rotate"], ["users", "create"],
        ["users", "set-claims"],
    ]  # fmt: skip
    assert told == [words for words in commands_of(INI.read_text(), "#") if words[0] != "clients"]
    for words in told:
        command = [
            str(tmp_path / word) if word.endswith((".ini", ".json")) else word
            for word in words
            if word not in {"<", "password.txt"}
        ]
        result = CliRunner().invoke(main, command, input=f"{PASSWORD}\n")
        assert result.exit_code == 0, result.output
    wsgi = get_app(str(ini))
    metadata = TestApp(wsgi, extra_environ={"wsgi.url_scheme": "https"}).get(
        "/.well-known/openid-configuration"
    )
    assert metadata.json["issuer"] == "https://login.example.com"
    wsgi.registry.oidc.database.engine.dispose()


def test_the_command_for_static_clients_registers_one_for_every_plan(tmp_path: Path) -> None:
    ini = tmp_path / "conformance.ini"
    shutil.copy(INI, ini)
    runner = CliRunner()
    for command in (["initdb", str(ini)], ["keys", "rotate", str(ini)]):
        assert runner.invoke(main, command).exit_code == 0
    (text,) = re.findall(
        r"oidcserver (clients create .+?)\n#    The plans", INI.read_text(), re.DOTALL
    )
    words = shlex.split(text.replace("\n#", " ").replace("conformance.ini", str(ini)))
    logout = tmp_path / "logout.json"
    blocks = re.findall(r" *```json\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (signed_out, channel) = [block for block in blocks if "/test/a/ALIAS/" in block]
    logout.write_text(json.dumps({**json.loads(signed_out), **json.loads(f"{{{channel}}}")}))
    created = runner.invoke(main, [*words, "--json", "--metadata", str(logout)])
    assert created.exit_code == 0, created.output
    client = json.loads(created.stdout)
    assert len(client["response_types"]) == 6
    assert client["token_endpoint_auth_method"] == "client_secret_basic"
    assert client["frontchannel_logout_session_required"] is True
