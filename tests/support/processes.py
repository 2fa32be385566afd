"""Real processes: `pserve` on a port of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def write_ini(path: Path, port: int, **settings: object) -> Path:
    """Write an ini file for development on a port; settings have ``__`` for the dot."""
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
        *(f"{name} = {value}" for name, value in values.items()),
        "[server:main]",
        "use = egg:waitress#main",
        f"listen = 127.0.0.1:{port}",
        "threads = 4",
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


class ServerProcess:
    """A `pserve` that answers at ``url`` once it is made, until ``stop`` or ``kill9``."""

    def __init__(self, ini: Path, port: int, timeout: float = 30) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.log = ini.with_name(f"{ini.stem}-{port}.log")
        script = "import sys; from pyramid.scripts.pserve import main; sys.exit(main())"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", script, str(ini)],
                stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        self._wait(time.monotonic() + timeout)

    def _wait(self, deadline: float) -> None:
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"{self.url}/oauth/jwks.json", timeout=2).close()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.05)
        self.kill9()
        raise RuntimeError(f"pserve did not answer:\n{self.log.read_text()}")

    def stop(self) -> None:
        """End the process in good order."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=10)

    def kill9(self) -> None:
        """End the process without a warning."""
        self.process.kill()
        self.process.wait(timeout=10)
