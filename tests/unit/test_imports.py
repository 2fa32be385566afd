"""Imports run downhill: a room imports from rooms of a lower rank and from itself, nothing else."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import oidcserver

#: The rooms from the ground up. Rooms of one rank do not know each other.
RANKS = (
    ("clock", "credentials", "mailboxes", "settings", "texts"),
    ("catalog", "interfaces"),
    ("provider",),
    ("types",),
    ("database", "keys", "plugins"),
    ("migrations", "models"),
    ("http",),
    ("languages",),
    ("oauth",),
    ("clients", "operations"),
    ("client_auth", "extensions", "mail", "oidc", "profiles"),
    ("grants",),
    ("accounts",),
    ("sessions",),
    ("endpoints", "resource", "views"),
    ("cli",),
    ("__init__",),
)
RANK = {room: rank for rank, rooms in enumerate(RANKS) for room in rooms}
#: An import for type checkers alone: a user directory takes a request, and a request has the
#: provider, which has the directory.
FOR_TYPES = {("interfaces", "types")}


def imported_rooms(module: Path, package: Path) -> Iterator[tuple[int, str]]:
    """Yield line and room of every import of the package, wherever in the module it stands."""
    parents = module.relative_to(package.parent).parts[:-1]
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = parents[: len(parents) + 1 - node.level] if node.level else ()
            source = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{source}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            root, _, inside = name.partition(".")
            if root == package.name:
                room = inside.partition(".")[0]
                known = (
                    room in RANK or (package / room).is_dir() or (package / f"{room}.py").is_file()
                )
                yield node.lineno, room if known else "__init__"


def violations(package: Path) -> list[str]:
    """Return a sentence for each import that does not run downhill, and each unknown room."""
    found = []
    for module in sorted(package.rglob("*.py")):
        place = module.relative_to(package.parent)
        room = place.parts[1].removesuffix(".py")
        if room not in RANK:
            found.append(
                f"{place}: the room {room} has no rank: give it one in {Path(__file__).name}"
            )
            continue
        for line, imported in imported_rooms(module, package):
            downhill = RANK.get(imported, len(RANKS)) < RANK[room]
            if imported == room or downhill or (room, imported) in FOR_TYPES:
                continue
            found.append(
                f"{place}:{line}: {room} imports {imported}, "
                f"but a room imports only from itself and from lower ranks; "
                f"{room} may import: {', '.join(sum(RANKS[: RANK[room]], ())) or 'no other room'}"
            )
    return found


def test_imports_run_downhill() -> None:
    found = violations(Path(oidcserver.__file__).parent)
    assert not found, "\n" + "\n".join(found)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with a module in three rooms, and nothing imported yet."""
    root = tmp_path / "oidcserver"
    for name in (
        "__init__",
        "clock",
        "oauth/__init__",
        "grants/code",
        "views/login",
        "oidc/claims",
    ):
        path = root / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


@pytest.mark.parametrize(
    "statement",
    [
        "import oidcserver",
        "import oidcserver.views.login",
        "import oidcserver.views as pages",
        "from oidcserver import views",
        "from oidcserver import VERSION",
        "from oidcserver.views import login",
        "from oidcserver.views.login import form",
        "from ..views import login",
        "from .. import views",
        "from os import path\nif path:\n    from oidcserver import views",
        "def late():\n    import oidcserver.views.login",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..views import login",
    ],
)
def test_an_import_uphill_is_found(package: Path, statement: str) -> None:
    (package / "grants/code.py").write_text(f"import json\n\n{statement}\n")
    line = 2 + len(statement.splitlines())
    [found] = violations(package)
    assert found.startswith(f"oidcserver/grants/code.py:{line}: grants imports ")
    assert "only from itself and from lower ranks" in found


@pytest.mark.parametrize(
    "statement",
    [
        "import json",
        "import oidcserver.clock",
        "from oidcserver import clock",
        "from oidcserver.oauth import errors",
        "from oidcserver.grants import base",
        "from . import base",
        "from .base import Grant",
        "from ..oauth import errors",
        "from oidcserver_plugin import views",
    ],
)
def test_an_import_downhill_or_within_the_room_is_fine(package: Path, statement: str) -> None:
    (package / "grants/code.py").write_text(f"{statement}\n")
    assert violations(package) == []


def test_a_sibling_is_not_imported(package: Path) -> None:
    (package / "oidc/claims.py").write_text("from oidcserver.extensions import pkce\n")
    (package / "extensions").mkdir()
    [found] = violations(package)
    assert found.startswith("oidcserver/oidc/claims.py:1: oidc imports extensions")


def test_the_top_imports_anything(package: Path) -> None:
    (package / "__init__.py").write_text("from oidcserver import cli, views\n")
    assert violations(package) == []


def test_a_room_without_a_rank_is_found(package: Path) -> None:
    (package / "attic.py").touch()
    (package / "__init__.py").write_text("from oidcserver import attic\n")
    [importer, unknown] = violations(package)
    assert importer.startswith("oidcserver/__init__.py:1: __init__ imports attic")
    assert (
        unknown == "oidcserver/attic.py: the room attic has no rank: give it one in test_imports.py"
    )
