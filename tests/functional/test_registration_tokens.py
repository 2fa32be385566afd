"""An operator says who may register clients: oidcserver registration-tokens."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.processes import write_ini

from oidcserver.cli import main


@pytest.fixture
def ini(tmp_path: Path, provider_url: str, keys_directory: Path) -> str:
    path = write_ini(
        tmp_path / "provider.ini",
        6543,
        oidcserver__database_url=provider_url,
        oidcserver__keys_directory=keys_directory,
    )
    return str(path)


def run(*words: str, exit_code: int = 0) -> Any:
    result = CliRunner().invoke(main, ["registration-tokens", *words])
    assert result.exit_code == exit_code, result.output
    return result


def test_a_token_is_made_listed_and_revoked(ini: str) -> None:
    words = ("create", ini, "--name", "Team Shop", "--uses", "2", "--days", "7", "--json")
    made = json.loads(run(*words).stdout)
    assert made["initial_access_token"].startswith("ia_")
    (row,) = json.loads(run("list", ini, "--json").stdout)
    assert (row["id"], row["name"], row["uses_left"]) == (made["id"], "Team Shop", 2)
    assert made["initial_access_token"] not in run("list", ini).output
    assert "revoked" in run("revoke", ini, made["id"]).output
    assert "There is no token" in run("revoke", ini, made["id"], exit_code=1).output
    (row,) = json.loads(run("list", ini, "--json").stdout)
    assert row["revoked_at"]
    assert "revoked" in run("list", ini).output


def test_the_token_is_shown_once_and_not_kept(ini: str) -> None:
    output = run("create", ini, "--name", "Team Shop").output
    assert "initial_access_token: ia_" in output
    assert "cannot be shown again" in output
    assert "any number of uses" in run("list", ini).output
