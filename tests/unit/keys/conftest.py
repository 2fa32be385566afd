"""A key store in an empty directory, and processes that act at once."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oidcserver.keys import store
from oidcserver.keys.store import KeyStore

#: Those whose keys are made fast.
FAST = ("ES256", "EdDSA")

OpenStore = Callable[..., KeyStore]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the keys are; not there yet."""
    return tmp_path / "keys"


@pytest.fixture
def open_store(directory: Path) -> OpenStore:
    """Return a function that opens the directory's keys, in development unless told otherwise."""

    def open_store(*algorithms: str, **options: Any) -> KeyStore:
        defaults = {"create_missing": True, "publish_before": 100, "keep_after": 50}
        return KeyStore(directory, algorithms or FAST, **{**defaults, **options})

    return open_store


@pytest.fixture
def look_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the directory on each use, not once a second."""
    monkeypatch.setattr(store, "WATCH_SECONDS", 0)


@pytest.fixture
def run_at_once() -> Callable[..., list[str]]:
    """Return a function that runs code in processes that begin together, and returns what each
    printed."""

    def run_at_once(count: int, code: str, *arguments: object) -> list[str]:
        imports = "import sys; from oidcserver.keys.store import KeyStore; sys.stdin.readline()\n"
        command = [sys.executable, "-c", imports + code, *map(str, arguments)]
        processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(count)
        ]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        printed = [process.communicate(timeout=120)[0] for process in processes]
        assert [process.returncode for process in processes] == [0] * count
        return printed

    return run_at_once
