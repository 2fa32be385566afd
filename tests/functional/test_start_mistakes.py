"""Every mistake that stops a start is one sentence on standard error, with exit code 1."""

import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from support.mistakes import MISTAKES, PLUGINS, Mistake, make_starter, run
from support.processes import free_port

from oidcserver.cli import main

Pserve = Callable[[Path], tuple[int | None, str]]
OURS = [mistake for mistake in MISTAKES if not (mistake.before_us or mistake.another)]
#: Some of the mistakes in the application's section that every command meets, on one path. Some
#: commands stop before they open the database or the keys, and `initdb` and `keys rotate` make what
#: is missing.
FOR_EVERY_COMMAND = [
    mistake
    for mistake in MISTAKES
    if mistake.app
    and mistake.prepare is None
    and not mistake.name.startswith("production: no ")
    and mistake.name
    not in {
        "oidcserver.database_url = postgresql://nobody@127.0.0.1:1/x",
        "oidcserver.database_url = sqlite:////does/not/exist/x.sqlite",
        "oidcserver.keys_directory = /dev/null",
    }
][:40:8]
BEFORE_US = [mistake for mistake in MISTAKES if mistake.before_us]


def named(mistake: Mistake) -> str:
    return mistake.name


@pytest.fixture(scope="module")
def inis(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> dict[str, Path]:
    """The ini file of each mistake, by its name."""
    root = tmp_path_factory.mktemp("mistakes")
    return {
        mistake.name: mistake.write(root / str(number), free_port(), keys)
        for number, mistake in enumerate(MISTAKES)
    }


@pytest.fixture(scope="module")
def keys(keys_directory: Path) -> Path:
    from oidcserver.keys.store import KeyStore

    KeyStore(keys_directory, create_missing=True, publish_before=0, keep_after=0)
    return keys_directory


@pytest.fixture(scope="module")
def pserve() -> Pserve:
    """A function that runs `pserve` and returns its exit code and standard error."""
    return make_starter()


def start(mistake: Mistake, ini: Path) -> tuple[int, str]:
    """Run `pserve` in the environment of a mistake."""
    places = {name: str(ini.parent / value) for name, value in mistake.environment.items()}
    return run("pserve", str(ini), environment=places)


@pytest.fixture
def imports_nothing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget which plugins were imported, and from where."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if f"{name}.py" in PLUGINS:
            del sys.modules[name]


def assert_said(mistake: Mistake, error: str) -> None:
    if not mistake.traceback:
        assert "Traceback" not in error
    sentence = error.rpartition("\nTraceback")[2] if mistake.traceback else error
    for part in mistake.said:
        assert part in sentence, error
    last = error.strip().splitlines()[-1]
    assert last.startswith(" ") or last[0].isupper() or last.startswith(("/", "o")), last
    assert "hunter2" not in error


@pytest.mark.parametrize("mistake", OURS, ids=named)
def test_pserve_says_it(inis: dict[str, Path], mistake: Mistake, pserve: Pserve) -> None:
    ini = inis[mistake.name]
    code, error = start(mistake, ini) if mistake.environment else pserve(ini)
    assert code == 1, error
    assert_said(mistake, error)


@pytest.mark.parametrize("mistake", BEFORE_US, ids=named)
def test_what_pserve_meets_before_it_calls_us_stops_it(
    inis: dict[str, Path], mistake: Mistake
) -> None:
    """These are sentences from `oidcserver check` alone, as the README says."""
    assert start(mistake, inis[mistake.name])[0] == 1


def test_a_port_in_use(tmp_path: Path, keys: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        ini = Mistake("port in use", ()).write(tmp_path / "ini", port, keys)
        code, error = run("pserve", str(ini), environment={})
    assert code == 1
    assert "Traceback" not in error
    assert f"The server cannot listen at 127.0.0.1:{port}: Address already in use." in error
    assert "change the address in the server's section" in error


#: Every command, with what it needs besides the ini file.
COMMANDS = {
    "initdb": (), "prune": (), "deliver": (), "check": (), "explain": (),
    "explain-error": ("BCDFG-HJKLM",),
    "keys list": (), "keys rotate": (),
    "users list": (), "users create": ("alice",), "users disable": ("alice",),
    "users enable": ("alice",), "users unlock": ("alice",), "users set-password": ("alice",),
    "users set-claims": ("alice", "-"), "users reset-factors": ("alice",),
    "users show": ("alice",), "users rename": ("alice", "alicia"), "users delete": ("alice",),
    "users sign-out": ("alice",), "users import": ("-",), "users export": (), "users sync": (),
    "groups list": (), "groups create": ("staff",), "groups delete": ("staff",),
    "groups add": ("staff", "alice"), "groups remove": ("staff", "alice"),
    "groups set-roles": ("staff",),
    "clients list": (), "clients show": ("x",), "clients create": ("--name", "x"),
    "clients update": ("x", "--name", "x"), "clients new-secret": ("x",),
    "clients delete": ("x",),
    "registration-tokens list": (), "registration-tokens create": ("--name", "x"),
    "registration-tokens revoke": ("x",),
}  # fmt: skip
NO_FILES = {
    "missing.ini": "missing.ini does not exist",
    "directory.ini": "directory.ini cannot be read: Is a directory",
    "provider.cfg": "provider.cfg is not the name of an ini file, which has to end in .ini",
}


def names(group: click.Group) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from (f"{name} {below}" for below in names(command))
        else:
            yield name


def test_no_command_is_forgotten() -> None:
    assert len(FOR_EVERY_COMMAND) == 5
    assert set(names(main)) == set(COMMANDS)


def run_command(name: str, ini: Path) -> str:
    """Run a command that has to end with 1; return what it says on standard error."""
    result = CliRunner().invoke(main, [*name.split(), str(ini), *COMMANDS[name]])
    assert result.exit_code == 1, (name, result.output)
    assert isinstance(result.exception, SystemExit), name
    return result.stderr


# A mistake with an environment, such as a hidden driver, needs a process of its own.
@pytest.mark.parametrize("mistake", [each for each in MISTAKES if not each.environment], ids=named)
def test_every_command_says_it(
    inis: dict[str, Path], mistake: Mistake, imports_nothing: None
) -> None:
    """Those that are about the server alone are for `check` alone."""
    for name in COMMANDS if mistake in FOR_EVERY_COMMAND else ("check",):
        assert_said(mistake, run_command(name, inis[mistake.name]))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_is_no_ini_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "directory.ini").mkdir()
    (tmp_path / "provider.cfg").touch()
    for file, sentence in NO_FILES.items():
        assert sentence in run_command(name, tmp_path / file)


def test_a_command_that_nobody_can_answer_says_so(inis: dict[str, Path]) -> None:
    ini = str(inis["an option twice"].with_name("whole.ini"))
    text = inis["an option twice"].read_text()
    Path(ini).write_text(text.replace("oidc.issuer = http://localhost\n", ""))
    code, error = run("oidcserver", "users", "create", ini, "alice", environment={})
    assert (code, error) == (
        1,
        "Error: There is no terminal to prompt on: pass --password-stdin.\n",
    )
    code, error = run("oidcserver", "explain", "/does/not/exist.ini", environment={})
    sentence = (
        "/does/not/exist.ini does not exist. Name the ini file, as in `pserve development.ini`."
    )
    assert (code, error) == (1, f"{sentence}\n")
