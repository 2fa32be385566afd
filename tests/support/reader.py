"""Somebody who tries a page of the documentation on ``make serve``, word for word.

A section is read from its top to its end. The reader runs each block ``sh``, sets each value that a
command prints as a variable of the shell, opens each URL of a block ``text``, signs in there, and
allows what is asked.
"""

import json
import os
import re
import subprocess
import sys
from configparser import ConfigParser
from contextlib import ExitStack
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from support.person import Person
from support.processes import DEVELOPMENT_INI, ServerProcess, free_port, wait_until_it_listens

ROOT = DEVELOPMENT_INI.parent
#: The line before a block, its language, and what is in it.
BLOCK = re.compile(r"([^\n]*)\n\n```(sh|text|ini)\n(.*?)^```", re.DOTALL | re.MULTILINE)
MAKE_SERVE = re.compile(r"((?:\w+=\S+ )*)make serve\n")
#: The variables and the command of a server, which goes on until its shell is closed.
OTHER_SERVER = re.compile(
    r"((?:\w+=\S+ )*)(\S+ (?:-m http\.server|\S+/(?:notified_client|orders)\.py)(?: .*)?)\n"
)
REDIRECT_URI = "https://app.example.com/cb"


def section(page: str, heading: str) -> str:
    """Return what is below a heading, up to the next one that is not below it."""
    text = (ROOT / "docs" / page).read_text()
    found = re.search(
        rf"^(##+) {re.escape(heading)}\n(.*?)(?=^\1 |^## |\Z)", text, re.DOTALL | re.MULTILINE
    )
    assert found is not None, f"{page} has no section {heading}"
    return found[2]


class Reader:
    """A reader with a development.ini, whose server listens on a port or will do so.

    :param ini: in a directory where the commands may write.
    """

    def __init__(self, ini: Path, port: int) -> None:
        self.ini = ini
        self.port = port
        self.issuer = f"http://localhost:{port}"
        self.variables: dict[str, str] = {}
        #: What the last command printed, and the members of it.
        self.printed = ""
        self.answer: dict[str, Any] = {}
        #: The output of the other servers that the section starts.
        self.logs: list[Path] = []

    def tries(self, text: str) -> None:
        """Do what a section says.

        :raises AssertionError: if a command fails, or prints an error.
        """
        with ExitStack() as stack:
            self.person = stack.enter_context(Person())
            for before, language, block in BLOCK.findall(self._of_this_run(text)):
                if language == "ini" and before.endswith("`development.ini`:"):
                    self._change_ini(block)
                elif language == "text" and block.startswith(self.issuer):
                    self._open(Template(block.strip()).substitute(self.variables))
                elif language != "sh":
                    continue
                elif serve := MAKE_SERVE.fullmatch(block):
                    environment = dict(pair.split("=", 1) for pair in serve[1].split())
                    server = ServerProcess(self.ini, self.port, environment=environment)
                    stack.enter_context(server)
                elif other := OTHER_SERVER.fullmatch(block):
                    self._serve(other[1], other[2].split(), stack)
                else:
                    self._run(block)

    def _of_this_run(self, text: str) -> str:
        """Return the section with the ports and paths of this run."""
        replaced = {
            "localhost:6543": f"localhost:{self.port}",
            "127.0.0.1:8000": f"127.0.0.1:{(other := free_port())}",
            "127.0.0.1 8000": f"127.0.0.1 {other}",
            "127.0.0.1:7000": f"127.0.0.1:{(client := free_port())}",
            "notified_client.py 7000": f"notified_client.py {client}",
            ".venv/bin/": f"{Path(sys.executable).parent}/",
            "examples/": f"{ROOT / 'examples'}/",
        }
        for shown, real in replaced.items():
            text = text.replace(shown, real)
        return text

    def _change_ini(self, block: str) -> None:
        """Set what a block has; after ``...`` it is added to what is there."""
        ini, changes = ConfigParser(interpolation=None), ConfigParser(interpolation=None)
        ini.read(self.ini)
        changes.read_string(f"[app:main]\n{block}")
        for name, value in changes["app:main"].items():
            present = ini["app:main"].get(name, "")
            ini["app:main"][name] = value.replace("...", present.strip())
        with self.ini.open("w") as file:
            ini.write(file)

    def _serve(self, variables: str, command: list[str], stack: ExitStack) -> None:
        """Start a server at the port that the command ends with, or at that of ``PORT``."""
        given = Template(variables).substitute(self.variables)
        last = command[-1]
        port = int(last if last.isdigit() else os.environ["PORT"])
        log = self.ini.with_name(f"{port}.log")
        with log.open("wb") as output:
            server = subprocess.Popen(
                [sys.executable, *command[1:]],
                cwd=self.ini.parent,
                env={**os.environ, **dict(pair.split("=", 1) for pair in given.split())},
                stdout=output,
                stderr=output,
            )
        stack.enter_context(server)
        stack.callback(server.terminate)
        self.logs.append(log)
        wait_until_it_listens(server, port, log)

    def _open(self, url: str) -> None:
        """Open a URL; the variables are then those of the address bar, too."""
        parts = urlsplit(url)
        if parts.path != "/oauth/authorize":
            self.person.visit(url)
            return
        redirect_uri = dict(parse_qsl(parts.query)).get("redirect_uri", REDIRECT_URI)
        answer = self.person.authorize(url, redirect_uri)
        parts = urlsplit(answer)
        self.variables |= dict(parse_qsl(parts.fragment or parts.query))

    def _run(self, block: str) -> None:
        """Run a command, and do what its answer asks the user for."""
        finished = subprocess.run(
            ["bash", "-euc", block],
            cwd=self.ini.parent,
            env={**os.environ, "NO_PROXY": "localhost,127.0.0.1", **self.variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert finished.returncode == 0, f"{block}{finished.stderr}"
        self.printed = finished.stdout
        self.answer = members(finished.stdout)
        assert "error" not in self.answer, f"{block}{finished.stdout}"
        self.variables |= {name: str(value) for name, value in self.answer.items()}
        if "verification_uri_complete" in self.answer:
            self.person.connect_device(self.answer["verification_uri_complete"])
        if "auth_req_id" in self.answer:
            shown = re.search(r"binding_message=(\w+)", block)
            self.person.approve(self.issuer, shown[1] if shown else "")


def members(printed: str) -> dict[str, Any]:
    """Return the members of a JSON document or of lines ``name: value``; none of other text."""
    if printed.startswith("{"):
        document: dict[str, Any] = json.loads(printed)
        return document
    return dict(re.findall(r"^(\w+): (.*)$", printed, re.MULTILINE))
