"""What a machine may lack, which tests need it, and the one command that installs it."""

import glob
import os
import shutil
from pathlib import Path

INSTALL = "apt-get install -y postgresql chromium chromium-driver nodejs npm"


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


#: By marker: its name for people, and how to find it.
REQUIREMENTS = {
    "postgresql": ("PostgreSQL", postgresql_bin),
    "browser": ("Chromium", chromium),
    "nodejs": ("Node.js", nodejs),
}


def missing() -> dict[str, str]:
    """Return the names of what is not there by marker. ``OIDCSERVER_TEST_WITHOUT`` hides some."""
    hidden = os.environ.get("OIDCSERVER_TEST_WITHOUT", "").split()
    return {
        marker: name
        for marker, (name, find) in REQUIREMENTS.items()
        if marker in hidden or find() is None
    }
