"""What the README shows is what works."""

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import oidcserver
from oidcserver.cli import main
from oidcserver.plugins.directives import DIRECTIVES

README = (Path(oidcserver.__file__).parent.parent / "README.md").read_text()


@pytest.fixture
def vouchers(tmp_path: Path) -> Iterator[None]:
    """The plugin of the README as a module that can be imported."""
    found = re.search(r"```python\n# vouchers\.py\n(.*?)```", README, re.DOTALL)
    assert found is not None
    (tmp_path / "vouchers.py").write_text(found[1])
    sys.path.insert(0, str(tmp_path))
    yield
    sys.path.remove(str(tmp_path))
    sys.modules.pop("vouchers", None)


def test_the_plugin_adds_its_grant(vouchers: None, make_provider: Any) -> None:
    provider = make_provider(
        oidcserver__includes="vouchers",
        vouchers__valid="summer-2026",
        oauth__grants="authorization_code refresh_token voucher",
    )
    provider.browser().sign_in("alice")
    client = provider.register(grant_types=["urn:example:voucher"], redirect_uris=[])
    form = {"grant_type": "urn:example:voucher", "scope": "profile"}
    tokens = client.token(voucher="summer-2026", **form).json
    assert client.introspect(tokens["access_token"])["username"] == "alice"
    assert client.token(voucher="winter", status=400, **form).json["error"] == "invalid_grant"
    stranger = provider.register()
    refused = stranger.token(voucher="summer-2026", status=400, **form).json
    assert refused["error"] == "unauthorized_client"


def test_every_directive_is_listed() -> None:
    for directive in DIRECTIVES:
        assert f"`{directive.__name__}`" in README


def test_every_command_exists() -> None:
    commands = re.findall(r"oidcserver ((?:[a-z-]+ ){0,2})(?:production|development)\.ini", README)
    assert len(commands) >= 6
    for words in set(commands):
        result = CliRunner().invoke(main, [*shlex.split(words), "--help"])
        assert result.exit_code == 0, words


def test_the_pictures_are_there() -> None:
    root = Path(oidcserver.__file__).parent.parent
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    assert len(pictures) == 2
    assert all((root / picture).read_bytes().startswith(b"\x89PNG") for picture in pictures)
