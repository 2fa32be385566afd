"""The documentation finds in the code what it shows of settings, directives and commands."""

import inspect
import re
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from pathlib import Path
from traceback import walk_tb
from typing import Any

import click
import pytest

import oidcserver
from oidcserver.cli import main
from oidcserver.operations.serving import PATIENCE
from oidcserver.plugins.directives import DIRECTIVES
from oidcserver.plugins.including import configured
from oidcserver.resource.settings import SETTINGS as RESOURCE_SETTINGS
from oidcserver.settings import ReferenceProblem, Setting

PACKAGE = Path(oidcserver.__file__).parent
ROOT = PACKAGE.parent
#: Sphinx checks the links of the pages in docs/; these are read where the code is.
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")


@pytest.mark.parametrize("page", PAGES)
def test_each_link_leads_to_a_file_and_its_heading(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", (ROOT / page).read_text())
    assert links
    for path, heading in links:
        target = ROOT / (path or page)
        assert target.exists(), path
        if heading:
            titles = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]
            assert heading in slugs, f"{path}#{heading}"


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
    offers: Any = config.registry.oidc.provider.catalog.offers("setting")
    return [*(offer.value for offer in offers.values()), *RESOURCE_SETTINGS]


def test_each_setting_says_why_it_exists(settings: list[Setting]) -> None:
    assert len(settings) > 80
    assert [each.name for each in settings if not re.fullmatch(r"[A-Z].*\.", each.why)] == []


def test_the_type_of_each_setting_is_described(settings: list[Setting]) -> None:
    for setting in settings:
        described = inspect.getdoc(setting.convert) or ""
        assert described.startswith("Return "), setting.name


@pytest.mark.parametrize(
    "raw",
    [
        "", " ", "?", "-1", "a b c d", "99999999999999999", "#ffcc00", "\0", "~no-such-user/x",
        "https://[::1", "https://x:y", "smtp://[::1", "smtp://x:y", "a | https://[::1",
        "https://idp.example ~no-such-user/jwks", "https://idp.example \0",
    ],
)  # fmt: skip
def test_a_converter_says_in_its_own_words_what_it_expects(
    settings: list[Setting], raw: str
) -> None:
    """The message of the start says "it takes" before them."""
    for setting in settings:
        problem = mistake(setting, raw)
        if problem is not None:
            *_, (frame, _) = walk_tb(problem.__traceback__)
            assert frame.f_code.co_filename.startswith(str(PACKAGE)), (setting.name, problem)
            assert not re.match(r"it |takes |\.", str(problem)), (setting.name, problem)


def mistake(setting: Setting, raw: str) -> ValueError | None:
    try:
        setting.convert(raw)
    except ReferenceProblem:  # a whole sentence
        return None
    except ValueError as problem:
        return problem
    return None


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


def test_each_directive_is_in_the_plugin_guide() -> None:
    guide = (ROOT / "docs" / "plugins.md").read_text()
    assert [each.__name__ for each in DIRECTIVES if f"`{each.__name__}`" not in guide] == []


def commands(group: click.Group, path: str = "oidcserver") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


@pytest.mark.parametrize(("path", "command"), list(commands(main)))
def test_each_command_says_what_it_does(path: str, command: click.Command) -> None:
    assert re.match(r"[A-Z].*\.", command.help or ""), path


def shown_commands() -> Iterator[str]:
    """Yield the commands that pages, examples and ini files show, without their arguments."""
    shown = re.compile(r"\boidcserver ((?:[a-z][a-z-]+ )+)(?:\S*/)?(?:\w+\.ini|INI)\b")
    pages = (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*.ini"))
    for page in (*pages, *ROOT.glob("examples/**/*.service")):
        yield from (found[1].strip() for found in shown.finditer(page.read_text()))


@pytest.mark.parametrize("command", sorted(set(shown_commands())))
def test_each_command_that_is_shown_exists(command: str) -> None:
    assert f"oidcserver {command}" in dict(commands(main))


def unit(name: str) -> ConfigParser:
    """Return a unit of systemd."""
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string((ROOT / "examples" / "deployment" / name).read_text())
    return parser


def test_systemd_waits_until_the_server_has_finished_what_it_began() -> None:
    service = unit("oidcserver.service")["Service"]
    assert int(service["TimeoutStopSec"]) > PATIENCE
    assert int(service["LimitNOFILE"]) >= 2000  # half of them, at most 1000


@pytest.mark.parametrize("command", ["prune", "deliver"])
def test_each_timer_runs_its_command(command: str) -> None:
    service, timer = unit(f"oidcserver-{command}.service"), unit(f"oidcserver-{command}.timer")
    assert service["Service"]["ExecStart"].split()[1] == command
    assert service["Service"]["Type"] == "oneshot"
    assert timer["Timer"]["OnCalendar"] in {"hourly", "minutely"}
    server = unit("oidcserver.service")["Service"]
    for name in ("User", "StateDirectory", "ProtectSystem"):
        assert service["Service"][name] == server[name]
