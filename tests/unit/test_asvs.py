"""The tables of the ASVS in docs/security.md name tests that there are."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
PAGE = (TESTS.parent / "docs" / "security.md").read_text()
#: The items of V6 and V7 by section: how many each has.
ITEMS = {
    "6.1": 3, "6.2": 12, "6.3": 8, "6.4": 6, "6.5": 8, "6.6": 4, "6.7": 2, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 3, "7.6": 2,
}  # fmt: skip


def test_each_test_that_the_tables_name_exists() -> None:
    named = set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE))
    assert len(named) > 40
    known = {
        (path.name, node.name)
        for path in TESTS.rglob("test_*.py")
        if path.name in {file for file, _ in named}
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    assert named - known == set()


def test_the_tables_have_each_item_once() -> None:
    rows = re.findall(r"^\| ([67]\.[^|]*?)(?: \(level 3\))? \|", PAGE, re.MULTILINE)
    items = [item for row in rows for item in row.split(", ")]
    expected = [
        f"{section}.{number}" for section, count in ITEMS.items() for number in range(1, count + 1)
    ]
    assert items == expected
