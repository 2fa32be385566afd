"""``oidcserver explain`` prints the steps of each flow, in order, and where each comes from."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.processes import write_ini

from oidcserver.cli import main
from oidcserver.endpoints import token

PLUGIN = """
class Limit:
    def __call__(self, token_request):
        return None


def includeme(config):
    config.add_oauth_step("token", "limit", Limit(), after="authenticate_client")
"""


@pytest.fixture
def explain(tmp_path: Path, keys_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "limiting_plugin.py").write_text(PLUGIN)
    ini = write_ini(
        tmp_path / "test.ini", 6543,
        oidcserver__database_url=f"sqlite:///{tmp_path / 'test.sqlite'}",
        oidcserver__keys_directory=str(keys_directory),
        oidcserver__includes="limiting_plugin",
    )  # fmt: skip

    def run(*options: str) -> str:
        result = CliRunner().invoke(main, ["explain", str(ini), *options])
        assert result.exit_code == 0, result.output
        return result.stdout

    yield run
    sys.modules.pop("limiting_plugin", None)


def test_the_steps_are_those_of_the_table_in_its_order(explain: Any) -> None:
    steps = json.loads(explain("--json"))["flow token"]
    names = [step["name"] for step in steps]
    # The ini file selects none of the features that have a condition.
    table = [step.name for step in token.STEPS if step.when is None]
    assert [name for name in names if name != "limit"] == table
    assert names.index("limit") == names.index("authenticate_client") + 1


def test_each_step_names_its_function_and_an_inserted_one_also_its_place(
    explain: Any, tmp_path: Path
) -> None:
    steps = {step["name"]: step for step in json.loads(explain("--json"))["flow token"]}
    assert steps["check_code_verifier"] == {
        "name": "check_code_verifier",
        "function": "oidcserver.extensions.pkce.check_code_verifier",
    }
    assert steps["limit"] == {
        "name": "limit",
        "function": "limiting_plugin.Limit",
        "inserted_at": f"{tmp_path / 'limiting_plugin.py'}:8",
    }


def test_the_text_has_the_same(explain: Any, tmp_path: Path) -> None:
    text = explain()
    assert "\nflow token\n  1: read_parameters  oidcserver.oauth.steps.read_parameters\n" in text
    place = f"{tmp_path / 'limiting_plugin.py'}:8"
    assert f"3: limit  limiting_plugin.Limit  inserted at {place}\n" in text


def test_every_flow_is_there(explain: Any) -> None:
    flows = {name for name in json.loads(explain("--json")) if name.startswith("flow ")}
    assert flows == {
        f"flow {name}"
        for name in (
            "authorization", "authorization_request", "authorization_response",
            "pushed_authorization_request", "token", "introspection", "revocation", "userinfo",
            "registration", "client_configuration", "end_session", "device_authorization",
            "device_authorization_request", "device_approval", "backchannel_authentication",
        )
    }  # fmt: skip


def test_a_selected_feature_has_its_steps_and_its_settings(
    tmp_path: Path, keys_directory: Path
) -> None:
    ini = write_ini(
        tmp_path / "test.ini", 6543,
        oidcserver__database_url=f"sqlite:///{tmp_path / 'test.sqlite'}",
        oidcserver__keys_directory=str(keys_directory),
        oauth__sender_constraints="dpop mtls",
        oauth__client_certificate_proxies="127.0.0.1 10.0.0.0/24",
        oauth__resources="https://api.example",
    )  # fmt: skip
    result = CliRunner().invoke(main, ["explain", str(ini), "--json"])
    explained = json.loads(result.stdout)
    names = [step["name"] for step in explained["flow token"]]
    not_selected = {"spend_assertion"}  # of the JWT bearer grant
    assert names == [step.name for step in token.STEPS if step.name not in not_selected]
    proxies = explained["settings"]["oauth.client_certificate_proxies"]
    assert proxies["value"] == "127.0.0.1/32 10.0.0.0/24"
