"""A module beside an ini file can be imported, and hides no installed one."""

import sys
from pathlib import Path

import pytest

from oidcserver.operations.ini_file import make_importable


def test_the_directory_comes_last_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["/first"])
    make_importable(tmp_path)
    make_importable(str(tmp_path))
    assert sys.path == ["/first", str(tmp_path.resolve())]
