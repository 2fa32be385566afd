"""The documentation finds in the code what it shows of settings, directives and commands."""

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from oidcserver.cli import main
from oidcserver.plugins.directives import DIRECTIVES
from oidcserver.plugins.including import configured
from oidcserver.resource.settings import SETTINGS as RESOURCE_SETTINGS
from oidcserver.settings import Setting


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> list[Setting]:
    """Every declared setting."""
    directory: Path = tmp_path_factory.mktemp("provider")
    minimal = {
        "oidc.issuer": "https://login.example.com",
        "oidcserver.database_url": f"sqlite:///{directory}/provider.sqlite",
        "oidcserver.keys_directory": str(directory),
    }
    with configured(minimal, commanded=True) as config:
        pass
    offers: Any = config.registry.provider.catalog.offers("setting")
    return [*(offer.value for offer in offers.values()), *RESOURCE_SETTINGS]


def test_each_setting_says_why_it_exists(settings: list[Setting]) -> None:
    assert len(settings) > 80
    assert [each.name for each in settings if not re.fullmatch(r"[A-Z].*\.", each.why)] == []


def test_the_type_of_each_setting_is_described(settings: list[Setting]) -> None:
    for setting in settings:
        described = inspect.getdoc(setting.convert) or ""
        assert described.startswith("Return "), setting.name


def test_a_default_is_one_of_the_allowed_words(settings: list[Setting]) -> None:
    for setting in settings:
        if setting.allowed and setting.default is not None:
            given = (setting.default,) if isinstance(setting.default, str) else setting.default
            assert set(given) <= set(setting.allowed), setting.name


@pytest.mark.parametrize("directive", DIRECTIVES)
def test_each_directive_describes_each_of_its_arguments(directive: Callable[..., None]) -> None:
    described = inspect.getdoc(directive) or ""
    for name in inspect.signature(directive).parameters:
        assert name == "config" or f":param {name}:" in described, name


def commands(group: click.Group, path: str = "oidcserver") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


@pytest.mark.parametrize(("path", "command"), list(commands(main)))
def test_each_command_says_what_it_does(path: str, command: click.Command) -> None:
    assert re.match(r"[A-Z].*\.", command.help or ""), path
