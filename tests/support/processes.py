"""Real processes: `pserve` on a port of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

import oidcserver

DEVELOPMENT_INI = Path(oidcserver.__file__).parent.parent / "development.ini"


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """Whether a port of 127.0.0.1 accepts connections."""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def wait_until_it_listens(
    process: subprocess.Popen[bytes], port: int, log: Path, seconds: float = 120
) -> None:
    """Return when a program listens on its port.

    :raises RuntimeError: with its log, if it ends or takes longer.
    """
    deadline = time.monotonic() + seconds
    while not is_listening(port):
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text() if log.exists() else ""
            raise RuntimeError(f"{process.args!r} did not answer:\n{said}")
        time.sleep(0.05)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program by SIGTERM, and by force where that takes longer than 10 seconds."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=10)


def write_ini(path: Path, port: int, **settings: object) -> Path:
    """Write an ini file for development on a port; settings have ``__`` for the first dot."""
    values = {
        "oidcserver.mode": "development",
        "oidc.issuer": f"http://127.0.0.1:{port}",
        "oidcserver.keys_directory": str(path.parent / "keys"),
        "oidc.user_directory": "demo",
        **{name.replace("__", ".", 1): value for name, value in settings.items()},
    }
    lines = [
        "[app:main]",
        "use = egg:oidcserver",
        *(
            f"{name} = {value}".replace("%", "%%").replace("\n", "\n    ")
            for name, value in values.items()
        ),
        "[server:main]",
        "use = egg:oidcserver",
        f"listen = 127.0.0.1:{port}",
        "threads = 4",
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def copy_development_ini(folder: Path, port: int, keys_directory: Path) -> Path:
    """Copy development.ini, for another port and with keys that exist; return the copy."""
    text = DEVELOPMENT_INI.read_text().replace("localhost:6543", f"localhost:{port}")
    ini = folder / "development.ini"
    ini.write_text(text.replace("%(here)s/keys", str(keys_directory)))
    return ini


class ServerProcess:
    """A `pserve` that answers at ``url`` once it is made; the end of a ``with`` stops it.

    A machine that is busy may take a minute to start four of them.

    :param environment: variables besides those of the tests.
    """

    def __init__(
        self,
        ini: Path,
        port: int,
        timeout: float = 120,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log = ini.with_name(f"{ini.stem}-{port}.log")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pyramid.scripts.pserve", str(ini)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            )
        deadline = time.monotonic() + timeout
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill9()
                raise RuntimeError(f"pserve did not answer:\n{self.log.read_text()}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/oauth/jwks.json")
            connection.getresponse()
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process as a service manager does, with SIGTERM."""
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise

    def kill9(self) -> None:
        """End the process without a warning."""
        self.process.kill()
        self.process.wait(timeout=10)
