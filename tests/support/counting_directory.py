"""A user directory that writes down each password that it evaluates: a plugin."""

from pathlib import Path
from typing import Any

from oidcserver.accounts.directories import DemoDirectory
from oidcserver.settings import path


class CountingDirectory(DemoDirectory):
    """The demo directory. Each evaluation is a line of the file ``counting.path``."""

    def authenticate(self, request: Any, username: str, password: str) -> Any:
        with evaluations(request.oidc.provider).open("a") as lines:
            lines.write(f"{username}\n")  # one write to a file opened to append: none is lost
        return super().authenticate(request, username, password)


def evaluations(provider: Any) -> Path:
    """Return the path of the file."""
    written: Path = provider.settings["counting.path"]
    return written


def includeme(config: Any) -> None:
    config.add_oauth_setting("counting.path", path, None, "Where evaluations are written down.")
    config.add_user_directory("counting", CountingDirectory())
