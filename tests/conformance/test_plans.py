"""Every module of every certification plan has its counterpart here; docs/conformance.md counts."""

import ast
import json
import re
from pathlib import Path

from support.conformance import CLAIMS, INI
from support.conformance_plans import PLANS, variants

HERE = Path(__file__).parent
DOCUMENT = INI.parent / "docs" / "conformance.md"
MODULES = {
    module for plan in PLANS.values() for modules in plan.values() for module in modules
}  # fmt: skip


def counterpart(module: str) -> str:
    """Return the name of a module's counterpart."""
    return "test_" + module.lower().replace("-", "_")


def written_here() -> dict[str, str | None]:
    """Return the tests of this directory by name, each with the module that it is marked with."""
    found: dict[str, str | None] = {}
    for path in HERE.glob("test_*.py"):
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
    sizes = {plan: sum(map(len, modules.values())) for plan, modules in PLANS.items()}
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
    for plan, modules_of in PLANS.items():
        sizes = set(map(len, modules_of.values()))
        if plan in {"oidcc-implicit", "oidcc-hybrid"} or "formpost" in plan:
            sizes = {sum(map(len, modules_of.values()))}
        assert told[plan] == sizes, plan
    assert told.keys() == PLANS.keys()


def test_the_document_shows_the_claims_of_the_person() -> None:
    blocks = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert json.loads(blocks[0]) == CLAIMS
