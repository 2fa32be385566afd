"""Every module of every certification plan has its counterpart here; docs/conformance.md counts."""

import ast
import json
import re
from dataclasses import fields
from pathlib import Path

from support.conformance import CLAIMS, INI
from support.conformance_plans import PLANS, chosen_variants, variants
from support.conformance_variants import FAPIVariant
from support.fapi_plans import FAPI_PLANS, modules_of

HERE = Path(__file__).parent
DOCUMENT = INI.parent / "docs" / "conformance.md"
MODULES = {
    module
    for plan in (*PLANS.values(), *FAPI_PLANS.values())
    for modules in plan.values()
    for module in modules
}


def counterpart(module: str) -> str:
    """Return the name of a module's counterpart."""
    return "test_" + module.lower().replace("-", "_")


def written_here() -> dict[str, str | None]:
    """Return the tests of this directory by name, each with the module that it is marked with."""
    found: dict[str, str | None] = {}
    for path in HERE.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                marked = [
                    ast.literal_eval(call.args[0])
                    for call in node.decorator_list
                    if isinstance(call, ast.Call) and ast.unparse(call.func) == "module"
                ]
                assert node.name not in found
                found[node.name] = marked[0] if marked else None
    return found


def test_the_plans_are_as_large_as_published() -> None:
    sizes = {plan: sum(map(len, per_type.values())) for plan, per_type in PLANS.items()}
    for plan, size in {"basic": 38, "implicit": 58, "hybrid": 102}.items():
        assert sizes[f"oidcc-{plan}"] == sizes[f"oidcc-formpost-{plan}"] == size
    assert sorted(map(len, PLANS["oidcc-dynamic"].values())) == [18, 19, 22, 22, 23, 23]
    assert sizes["oidcc-config"] == 1
    assert {len(modules) for modules in PLANS["oidcc-rp-initiated-logout"].values()} == {11}


def test_every_module_has_a_counterpart() -> None:
    tests = written_here()
    assert {module for module in MODULES if counterpart(module) not in tests} == set()
    for module in MODULES:
        assert tests[counterpart(module)] in {module, None}
        assert variants(module)
    assert set(filter(None, tests.values())) <= MODULES


def test_the_tested_variants_of_a_module_have_every_value_of_all() -> None:
    for module in MODULES:
        every, tested = variants(module), chosen_variants(module)
        assert set(tested) <= set(every)
        for name in (field.name for field in fields(every[0])):
            values = {getattr(variant, name) for variant in every}
            assert {getattr(variant, name) for variant in tested} == values, (module, name)
    assert len(chosen_variants("oidcc-server")) == 30
    assert len(chosen_variants("oidcc-login-hint")) == 6
    assert len(chosen_variants("happy-flow")) == 10


def test_the_document_names_every_plan_with_its_modules_and_how_they_came_out() -> None:
    told: dict[str, set[int]] = {}
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("| `oidcc-"):
            plan, variant, runs, *counts, _ = (cell.strip() for cell in line.strip("|").split("|"))
            modules, *results = map(int, counts)
            assert int(runs) > 0
            assert sum(results) == modules, line
            # For static clients the suite leaves modules out.
            if variant != "static clients":
                told.setdefault(plan.strip("`"), set()).add(modules)
    for plan, per_type in PLANS.items():
        sizes = set(map(len, per_type.values()))
        if plan in {"oidcc-implicit", "oidcc-hybrid"} or "formpost" in plan:
            sizes = {sum(map(len, per_type.values()))}
        assert told[plan] == sizes, plan
    assert told.keys() == PLANS.keys()


def fapi_variant(clients: str, tokens: str, variant: str) -> FAPIVariant:
    """Return the variant of a row of the document."""
    words = [word.strip() for word in variant.split(",")]
    return FAPIVariant(
        client_auth="tls_client_auth" if clients == "mTLS" else clients.strip("`"),
        sender_constraint=tokens.lower(),
        grant="client_credentials" if "client credentials" in words else "authorization_code",
        openid="OpenID Connect" in words,
        rich="rich requests" in words,
        signed="signed requests" in words,
        response_mode="jwt" if "JARM" in words else "default",
    )


def test_the_document_counts_the_modules_of_each_variant_of_fapi() -> None:
    told: dict[str, set[FAPIVariant]] = {plan: set() for plan in FAPI_PLANS}
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("| `fapi2-"):
            plan, clients, tokens, variant, *counts, _ = (
                cell.strip() for cell in line.strip("|").split("|")
            )
            modules, *results = map(int, counts)
            run = fapi_variant(clients, tokens, variant)
            assert sum(results) == modules == len(modules_of(run)), line
            assert run not in told[f"{plan.strip('`')}-final"], line
            told[f"{plan.strip('`')}-final"].add(run)
    assert all(told.values())


def test_the_variants_of_fapi_have_every_value() -> None:
    every = [variant for plan in FAPI_PLANS.values() for variant in plan]
    assert {(it.client_auth, it.sender_constraint) for it in every} == {
        (client_auth, constraint)
        for client_auth in ("private_key_jwt", "tls_client_auth")
        for constraint in ("dpop", "mtls")
    }
    for name in ("openid", "rich", "signed", "response_mode", "grant"):
        assert len({getattr(variant, name) for variant in every}) == 2, name


def test_the_document_shows_the_claims_of_the_person() -> None:
    blocks = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert json.loads(blocks[0]) == CLAIMS
