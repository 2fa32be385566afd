"""``oidcserver explain`` prints the steps of each flow, in order, and where each comes from."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.processes import write_ini

from oidcserver.cli import main
from oidcserver.endpoints import (
    backchannel_authentication,
    device_authorization,
    pushed_authorization,
    token,
)

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
    table = [step.name for step in token.STEPS if step.when is None or step.name == "keep_audience"]
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
            "upstream_logout",
        )
    }  # fmt: skip


def test_every_flow_of_the_protocols_has_its_steps_where_all_is_selected(
    tmp_path: Path, keys_directory: Path
) -> None:
    ini = write_ini(
        tmp_path / "test.ini", 6543,
        oidcserver__database_url=f"sqlite:///{tmp_path / 'test.sqlite'}",
        oidcserver__keys_directory=str(keys_directory),
        oidcserver__includes="payments exchange_policy",
        oauth__grants=(
            "authorization_code refresh_token client_credentials device_code ciba token_exchange "
            "jwt_bearer"
        ),
        oauth__endpoints=(
            "authorization pushed_authorization_request token introspection userinfo jwks "
            "openid_configuration device_authorization backchannel_authentication"
        ),
        oidc__pages="home login logout consent account device approvals",
        oauth__response_modes="query jwt",
        oauth__sender_constraints="dpop mtls",
        oauth__require_sender_constraint="true",
        oauth__client_certificate_proxies="127.0.0.1 10.0.0.0/24",
        oauth__client_id_metadata_documents="true",
        oauth__resources="https://api.example",
        oauth__token_exchange_policy="own_domain",
        oauth__trusted_issuers="https://idp.example https://idp.example/jwks.json accepts=id-jag",
    )  # fmt: skip
    result = CliRunner().invoke(main, ["explain", str(ini), "--json"])
    assert result.exit_code == 0, result.output
    explained = json.loads(result.stdout)
    tables = {
        "token": token.STEPS,
        "pushed_authorization_request": pushed_authorization.STEPS,
        "device_authorization": device_authorization.STEPS,
        "device_authorization_request": device_authorization.REQUEST_STEPS,
        "backchannel_authentication": backchannel_authentication.STEPS,
    }
    # A step for where no resource is declared is the only one that is left out.
    for flow, steps in tables.items():
        names = [step["name"] for step in explained[f"flow {flow}"]]
        table = [step.name for step in steps if step.name != "keep_audience"]
        assert names == table, flow
    asked = {step["name"] for step in explained["flow authorization_request"]}
    assert asked >= {
        "fetch_document", "require_pushed_request", "read_request_object", "check_dpop_jkt",
        "require_response_key", "read_resources", "read_authorization_details",
    }  # fmt: skip
    selected = {
        kind: [name for name, entry in explained[kind].items() if entry["selected"]]
        for kind in ("token exchange policies", "authorization details types", "profiles")
    }
    assert selected == {
        "token exchange policies": ["own_domain"],
        "authorization details types": ["payment_initiation"],
        "profiles": [],
    }
    values = {name: entry["value"] for name, entry in explained["settings"].items()}
    assert values["oauth.client_certificate_proxies"] == "127.0.0.1/32 10.0.0.0/24"
    [issuer] = values["oauth.trusted_issuers"]
    assert issuer.startswith("https://idp.example https://idp.example/jwks.json accepts=id-jag")
