"""The programs that tests need and a machine may lack, and the command that installs them."""

import glob
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple


def postgresql_bin() -> Path | None:
    """Return the directory of PostgreSQL's server programs."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), reverse=True)
    on_path = shutil.which("initdb")
    candidates = [*found, *([on_path] if on_path else [])]
    return Path(candidates[0]).parent if candidates else None


def chromium() -> str | None:
    """Return the path of Chromium, if its driver is there too."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    return browser if shutil.which("chromedriver") else None


def nodejs() -> str | None:
    """Return the path of Node.js, if npm is there too."""
    return shutil.which("node") if shutil.which("npm") else None


def apache() -> tuple[str, Path] | None:
    """Return the path of Apache and the directory of its modules, if mod_auth_openidc is there."""
    server = shutil.which("apache2", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    modules = Path("/usr/lib/apache2/modules")
    if server is None or not (modules / "mod_auth_openidc.so").exists():
        return None
    return server, modules


def nginx() -> str | None:
    """Return the path of nginx, if the command of OpenSSL is there too."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return found if shutil.which("openssl") else None


def pgbouncer() -> str | None:
    """Return the path of PgBouncer."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def slapd() -> str | None:
    """Return the path of OpenLDAP's server, if its commands and python-ldap are there too."""
    found = shutil.which("slapd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return found if find_spec("ldap") is not None and shutil.which("ldapsearch") else None


def go() -> str | None:
    """Return the path of Go. Since 1.21 it fetches the version that a module needs."""
    return _at_least("go", (1, 21), "version")


def rust() -> str | None:
    """Return the path of cargo, if it is new enough for the packages that Cargo.lock names."""
    return _at_least("cargo", (1, 88), "--version")


def java() -> str | None:
    """Return the path of Maven, if a Java compiler is there too."""
    return shutil.which("mvn") if shutil.which("javac") else None


def _at_least(name: str, version: tuple[int, int], argument: str) -> str | None:
    program = shutil.which(name)
    if program is None:
        return None
    said = subprocess.run([program, argument], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+)\.(\d+)", said)
    return program if found and (int(found[1]), int(found[2])) >= version else None


class Requirement(NamedTuple):
    """A program that tests need: its name for people, its Debian packages, and how to find it."""

    name: str
    packages: str
    find: Callable[[], object]


#: By marker.
REQUIREMENTS = {
    "postgresql": Requirement("PostgreSQL", "postgresql", postgresql_bin),
    "apache": Requirement(
        "Apache's mod_auth_openidc", "apache2-bin libapache2-mod-auth-openidc", apache
    ),
    "curl": Requirement("curl", "curl", lambda: shutil.which("curl")),
    "nginx": Requirement("nginx", "nginx openssl", nginx),
    "pgbouncer": Requirement("PgBouncer", "pgbouncer", pgbouncer),
    # `make test` installs python-ldap where the headers are; without .venv/test it looks again.
    "ldap": Requirement(
        "OpenLDAP's server and python-ldap",
        "slapd ldap-utils gcc python3-dev libldap2-dev libsasl2-dev",
        slapd,
    ),
    "browser": Requirement("Chromium", "chromium chromium-driver", chromium),
    "nodejs": Requirement("Node.js", "nodejs npm", nodejs),
    "go": Requirement("Go 1.21", "golang-go", go),
    "rust": Requirement("Rust 1.88", "cargo-web rustc-web", rust),
    "java": Requirement("Java and Maven", "default-jdk-headless maven", java),
}


def missing() -> dict[str, Requirement]:
    """Return what is not there, by marker. ``OIDCSERVER_TEST_WITHOUT`` hides some."""
    hidden = os.environ.get("OIDCSERVER_TEST_WITHOUT", "").split()
    return {
        marker: requirement
        for marker, requirement in REQUIREMENTS.items()
        if marker in hidden or requirement.find() is None
    }
