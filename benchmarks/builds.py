"""Peers that are not Python's or Node's: fetched from their registries, built once into a cache."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache" / "benchmarks"
HYDRA_PACKAGE = "github.com/ory/hydra/v2"
KEYCLOAK_VERSION = "26.7.3"
UNPACK = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:unpack"


class MissingToolError(Exception):
    """A program that builds or runs a peer is not installed; the message names it."""


def hydra() -> Path:
    """Build Ory Hydra as ``peers/hydra/go.mod`` pins it; return the program.

    :raises MissingToolError: without Go 1.21, which fetches the version that a module requires.
    """
    _require("go")
    said = subprocess.run(["go", "version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"go(\d+)\.(\d+)", said)
    if found and (int(found[1]), int(found[2])) < (1, 21):
        raise MissingToolError(f"Go is too old: {found[0]}, 1.21 required")
    program = CACHE / "hydra"
    _run(
        ["go", "build", "-mod=readonly", "-trimpath", "-o", program, HYDRA_PACKAGE],
        directory=HERE / "peers" / "hydra",
    )
    return program


def hydra_version() -> str:
    """Return the version of Ory Hydra that ``peers/hydra/go.mod`` pins."""
    listed = subprocess.run(
        ["go", "list", "-mod=readonly", "-m", "-json", HYDRA_PACKAGE],
        cwd=HERE / "peers" / "hydra", check=True, capture_output=True, text=True,
    )  # fmt: skip
    version: str = json.loads(listed.stdout)["Version"]
    return version.removeprefix("v")


def keycloak() -> Path:
    """Unpack Keycloak's distribution and build it for PostgreSQL; return its start script.

    :raises MissingToolError: without Java 17 or Maven.
    """
    _require("java", "mvn")
    if int(java_version().partition(".")[0]) < 17:
        raise MissingToolError(f"Java is too old: {java_version()}, 17 required")
    folder = CACHE / "keycloak"
    script = folder / f"keycloak-{KEYCLOAK_VERSION}" / "bin" / "kc.sh"
    complete = folder / f"complete-{KEYCLOAK_VERSION}"
    if not complete.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        artifact = f"org.keycloak:keycloak-quarkus-dist:{KEYCLOAK_VERSION}:tar.gz"
        _run(
            ["mvn", "--quiet", "--batch-mode", UNPACK, f"-Dartifact={artifact}",
             f"-DoutputDirectory={folder}"],
            directory=folder,
        )  # fmt: skip
        _run([script, "build", "--db=postgres"], directory=folder)
        complete.touch()
    return script


def java_version() -> str:
    """Return the version of the Java that Keycloak runs on."""
    java = Path(os.environ["JAVA_HOME"]) / "bin" / "java" if os.getenv("JAVA_HOME") else "java"
    said = subprocess.run(
        [java, "-XshowSettings:properties", "-version"], check=True, capture_output=True, text=True
    ).stderr
    return next(
        line.partition("=")[2].strip() for line in said.splitlines() if "java.version =" in line
    )


def _require(*programs: str) -> None:
    absent = [program for program in programs if shutil.which(program) is None]
    if absent:
        raise MissingToolError(f"{' and '.join(absent)} not installed")


def _run(command: list[object], *, directory: Path) -> None:
    words = list(map(str, command))
    done = subprocess.run(
        words, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)} failed:\n{done.stdout}")
