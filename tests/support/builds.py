"""Programs of other people, built from their registries into a cache that outlives a run.

The compilers decide by digests of their own what is out of date, so the cache never yields an old
program. An environment of Python packages has the digest of its requirements in its name.

The processes of a run build the same things: one of them does, and the others wait for it.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parents[1] / "interoperability"
KEYCLOAK = "26.7.3"
CACHE = HERE.parents[1] / ".cache" / "interoperability"


@contextmanager
def _alone(tool: str) -> Iterator[None]:
    """Wait until no other process uses a tool; ``with`` it or as a decorator."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{tool}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@_alone("go")
def go_program(module: str, package: str = ".") -> Path:
    """Build a package of the module at ``go/MODULE``; return the program.

    :param package: the import path of another's program, which ``go.mod`` names as a tool.
    :raises RuntimeError: with what the compiler says.
    """
    program = CACHE / "go" / module
    command = ["go", "build", "-mod=readonly", "-trimpath", "-o", str(program), package]
    _run(command, HERE / "go" / module)
    return program


@_alone("cargo")
def rust_program(package: str) -> Path:
    """Build the package at ``rust/PACKAGE``; return its program, which has the same name.

    :raises RuntimeError: with what the compiler says.
    """
    target = CACHE / "rust"
    command = ["cargo", "build", "--quiet", "--locked", "--target-dir", str(target)]
    _run(command, HERE / "rust" / package)
    return target / "debug" / package


@_alone("maven")
def java_classes() -> str:
    """Build the Maven project at ``java``; return the class path of its classes.

    :raises RuntimeError: with what Maven says.
    """
    built = CACHE / "java"
    command = ["mvn", "--quiet", "--batch-mode", f"-Dbuilt={built}", "package"]
    _run(command, HERE / "java")
    return f"{built / 'classes'}:{built / 'lib'}/*"


@_alone("maven")
def keycloak() -> Path:
    """Return the directory of Keycloak, whose distribution is a Maven artefact.

    :raises RuntimeError: with what Maven says.
    """
    place = CACHE / "keycloak"
    home = place / f"keycloak-{KEYCLOAK}"
    if not (home / "bin" / "kc.sh").exists():
        artifact = f"org.keycloak:keycloak-quarkus-dist:{KEYCLOAK}:zip"
        place.mkdir(parents=True, exist_ok=True)
        command = ["mvn", "--quiet", "--batch-mode", "dependency:copy", f"-Dartifact={artifact}"]
        _run([*command, f"-DoutputDirectory={place}"], place)
        archive = place / f"keycloak-quarkus-dist-{KEYCLOAK}.zip"
        shutil.unpack_archive(archive, place)
        archive.unlink()
    return home


@_alone("pip")
def python_environment(client: str) -> Path:
    """Return the interpreter of an environment with ``python/CLIENT/requirements.txt``.

    The file pins every package, as ``pip freeze`` prints them.

    :raises RuntimeError: with what pip says.
    """
    requirements = HERE / "python" / client / "requirements.txt"
    environment = CACHE / "python" / f"{client}-{_digest(requirements)}"
    complete = environment / "complete"
    if not complete.exists():
        for old in environment.parent.glob(f"{client}-*"):
            shutil.rmtree(old)
        _run([sys.executable, "-m", "venv", str(environment)], HERE)
        pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        _run([*pip, "--requirement", str(requirements)], HERE)
        complete.touch()
    return environment / "bin" / "python"


@_alone("npm")
def node_packages(directory: Path) -> Path:
    """Install what the directory's ``package-lock.json`` pins; return its ``node_modules``.

    :raises RuntimeError: with what npm says.
    """
    lock, modules = directory / "package-lock.json", directory / "node_modules"
    installed = modules / ".installed-lock.json"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        _run(["npm", "ci", "--ignore-scripts"], directory)
        installed.write_bytes(lock.read_bytes())
    return modules


def _digest(lock: Path) -> str:
    digest = hashlib.sha256(lock.read_bytes())
    digest.update(sys.version.encode())
    return digest.hexdigest()[:16]


def _run(command: Sequence[str], directory: Path) -> None:
    finished = subprocess.run(
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "GOFLAGS": "-buildvcs=false"},
        check=False,
    )
    if finished.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{finished.stdout}")
