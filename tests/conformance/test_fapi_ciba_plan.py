"""Every module of the FAPI-CIBA plan has its counterpart here."""

import ast
from dataclasses import astuple
from itertools import combinations
from pathlib import Path

from support.conformance import INI
from support.conformance_ciba_plans import MODULES, PLAN, VARIANTS, CibaVariant
from support.conformance_variants import covering

HERE = Path(__file__).parent
DOCUMENT = INI.parent / "docs" / "conformance.md"


def test_every_module_of_fapi_ciba_has_a_counterpart_of_its_name() -> None:
    marked: dict[str, str] = {}
    for path in HERE.glob("test_fapi_ciba*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                for call in node.decorator_list:
                    if isinstance(call, ast.Call) and ast.unparse(call.func) == "ciba_module":
                        module = ast.literal_eval(call.args[0])
                        assert module not in marked
                        marked[module] = node.name
    assert marked == {
        module: "test_" + module.lower().replace("-", "_") for module in MODULES
    }  # fmt: skip


def test_the_variants_of_fapi_ciba_are_as_large_as_published() -> None:
    sizes = {(it.mode, it.client_auth): len(it.modules) for it in VARIANTS}
    assert sizes == {
        ("poll", "private_key_jwt"): 35,
        ("ping", "private_key_jwt"): 40,
        ("poll", "mtls"): 33,
        ("ping", "mtls"): 38,
    }
    assert all(len(set(it.modules)) == len(it.modules) for it in VARIANTS)


def test_a_module_is_tested_with_each_pair_of_two_values() -> None:
    tested = covering(VARIANTS)
    pairs = [pair for it in tested for pair in combinations(astuple(it), 2)]
    assert set(pairs) == {pair for it in VARIANTS for pair in combinations(astuple(it), 2)}
    assert len(tested) == 4


def test_the_document_counts_the_modules_of_each_variant_of_fapi_ciba() -> None:
    told: set[CibaVariant] = set()
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith(f"| `{PLAN}` |"):
            mode, clients, registration, *counts, _ = (
                cell.strip() for cell in line.strip("|").split("|")[1:]
            )
            client_auth = "mtls" if clients == "mTLS" else clients.strip("`")
            run = CibaVariant(mode, f"{registration}_client", client_auth)
            modules, *results = map(int, counts)
            assert sum(results) == modules == len(run.modules), line
            assert run not in told, line
            told.add(run)
    assert told <= set(VARIANTS)
    assert told
