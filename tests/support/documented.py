"""The settings and commands that a page of docs/ shows, for the tests."""

import configparser
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import oidcserver

DOCS = Path(oidcserver.__file__).parent.parent / "docs"


class Documented:
    """A section, by default of one client.

    :param title: its heading.
    :param replacements: what stands in the test for the document's hosts, by what is written there.
    :param page: the file in docs/.
    """

    def __init__(
        self,
        title: str,
        replacements: dict[str, str] | None = None,
        page: str = "relying-parties.md",
    ) -> None:
        text = (DOCS / page).read_text(encoding="utf-8")
        found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.M)
        assert found is not None, f"{page} has no section {title}"
        self.text = found[1]
        self.replacements = dict(replacements or {})

    def block(self, language: str, number: int = 0) -> str:
        """Return a code block of that language, the first by default, for this test."""
        blocks = re.findall(rf"^```{language}\n(.*?)^```", self.text, re.DOTALL | re.M)
        block: str = blocks[number]
        for shown, real in self.replacements.items():
            pair = (shown, real)
            for _ in range(3):  # it may be a parameter of a URL in a parameter of a URL
                block = block.replace(*pair)
                pair = (quote(pair[0], safe=""), quote(pair[1], safe=""))
        return block

    def settings(self, number: int = 0) -> dict[str, str]:
        """Return the provider's settings in a block ``ini``, named as fixtures take them."""
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(f"[settings]\n{self.block('ini', number)}")
        return {name.replace(".", "__", 1): value for name, value in parser["settings"].items()}

    def create_client(
        self, ini: Path, options: str = "", number: int = 0, folder: Path | None = None
    ) -> dict[str, str]:
        """Run a block ``sh`` for the provider of ``ini``; return ``client_id`` and so on.

        From then on ``CLIENT_ID`` and ``CLIENT_SECRET`` of the other blocks are the client's.

        :param options: more options of the command.
        :param folder: where the files are that it names.
        """
        commands = Path(sys.executable).parent
        script = self.block("sh", number).replace("production.ini", f"{ini} {options}")
        finished = subprocess.run(
            ["bash", "-euc", script],
            cwd=folder,
            env={**os.environ, "PATH": f"{commands}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        client = dict(line.split(": ", 1) for line in finished.stdout.splitlines())
        for name in ("client_id", "client_secret"):
            if name in client:
                self.replacements[name.upper()] = client[name]
        return client
