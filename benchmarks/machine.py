"""The machine: programs that are started on a core of their own, PostgreSQL, and what they take."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil
import requests

#: The core of what is measured, and that of all the rest: the load and PostgreSQL.
SERVER_CORE, OTHER_CORE = 0, 1
PROGRAMS = Path("/usr/lib/postgresql")


def free_port() -> int:
    """Return a port of the loopback address that nobody uses at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    command: Sequence[object],
    environment: Mapping[str, str],
    *,
    cores: Sequence[int] = (SERVER_CORE,),
    log: Path,
) -> Iterator[psutil.Process]:
    """Run a program on some cores; end it and its children afterwards."""
    words = ["taskset", "-c", ",".join(map(str, cores)), *map(str, command)]
    with log.open("ab") as output:
        child = subprocess.Popen(
            words, env={**os.environ, **environment}, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield psutil.Process(child.pid)
        finally:
            os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def wait_until_it_answers(url: str, process: psutil.Process, seconds: float = 180) -> float:
    """Ask a URL until it answers with 200; return how many seconds that took."""
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            raise RuntimeError(f"{process} ended before it answered {url}")
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            if requests.get(url, timeout=5).status_code == 200:
                return time.monotonic() - began
        time.sleep(0.01)
    raise RuntimeError(f"{url} did not answer within {seconds} seconds")


def memory(process: psutil.Process) -> float:
    """Return the megabytes that a process and its children have for themselves (USS)."""
    family = [process, *process.children(recursive=True)]
    return sum(member.memory_full_info().uss for member in family) / 2**20


class PostgreSQL:
    """A cluster of its own with PostgreSQL's defaults, so that every commit is durable.

    Only its limit of 100 connections is too low for all servers at once.
    """

    def __init__(self) -> None:
        versions = sorted(PROGRAMS.iterdir(), key=lambda path: int(path.name))
        self._programs = versions[-1] / "bin"
        self.directory = Path(tempfile.mkdtemp(prefix="oidcbench"))
        self._as: dict[str, object] = {}
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            owner = pwd.getpwnam("postgres")
            os.chown(self.directory, owner.pw_uid, owner.pw_gid)
            self._as = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        self._data = self.directory / "data"
        self.port = free_port()
        self._run("initdb", "-D", self._data, "-U", "bench", "-A", "trust", "-E", "UTF8",
                  "--locale=C")  # fmt: skip
        options = (
            f"-p {self.port} -k {self.directory} -c listen_addresses=127.0.0.1 "
            "-c max_connections=200"
        )
        self._run("pg_ctl", "-D", self._data, "-o", options, "-w",
                  "-l", self.directory / "log", "start")  # fmt: skip

    def _run(self, program: str, *arguments: object) -> None:
        words = ["taskset", "-c", str(OTHER_CORE), str(self._programs / program)]
        subprocess.run(
            [*words, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL,
            cwd=self.directory, **self._as,
        )  # fmt: skip

    def new_database(self, name: str) -> str:
        """Create an empty database; return its name."""
        address = ("-h", "127.0.0.1", "-p", self.port, "-U", "bench")
        self._run("createdb", *address, name)
        return name

    def url(self, database: str, scheme: str = "postgresql") -> str:
        """Return the URL of a database."""
        return f"{scheme}://bench@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        """Stop the cluster and remove it."""
        self._run("pg_ctl", "-D", self._data, "-m", "fast", "-w", "stop")
        shutil.rmtree(self.directory)
