"""A throwaway PostgreSQL cluster on a Unix socket."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from sqlalchemy import create_engine, make_url, text
from support.requirements import postgresql_bin


class Cluster:
    """A cluster that lives as long as the tests: its data is not made durable."""

    def __init__(self) -> None:
        programs = postgresql_bin()
        assert programs is not None
        self._pg_ctl = programs / "pg_ctl"
        # Sockets' paths are short: not pytest's own directory.
        self.directory = Path(tempfile.mkdtemp(prefix="oidcpg"))
        self._as = {}
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            owner = pwd.getpwnam("nobody")
            os.chown(self.directory, owner.pw_uid, owner.pw_gid)
            self._as = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        data = self.directory / "data"
        self._run(programs / "initdb", "-D", data, "-U", "tests", "-A", "trust", "--no-sync",
                  "-E", "UTF8", "--locale=C")  # fmt: skip
        options = (
            f"-k {self.directory} -c listen_addresses= -c fsync=off -c synchronous_commit=off "
            "-c full_page_writes=off -c max_connections=200"
        )
        self._start = (self._pg_ctl, "-D", data, "-o", options, "-w", "-l",
                       self.directory / "log", "start")  # fmt: skip
        self.resume()
        self.url = make_url(f"postgresql+psycopg://tests@/postgres?host={self.directory}")

    def _run(self, *command: object) -> None:
        arguments = [str(word) for word in command]
        subprocess.run(
            arguments, check=True, stdout=subprocess.DEVNULL, cwd=self.directory, **self._as
        )

    def new_database(self, template: str = "") -> str:
        """Create an empty database, or a copy of the one with the URL ``template``; return its URL.

        Nobody may be connected to the template.
        """
        name = f"test_{secrets.token_hex(6)}"
        copied = f" TEMPLATE {make_url(template).database}" if template else ""
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}{copied}"))
        engine.dispose()
        return self.url.set(database=name).render_as_string(hide_password=False)

    def resume(self) -> None:
        """Start the server, at first or again."""
        self._run(*self._start)
        self._running = True

    def pause(self) -> None:
        """Stop the server, cutting every connection; ``resume`` starts it again."""
        self._run(self._pg_ctl, "-D", self.directory / "data", "-m", "fast", "-w", "stop")
        self._running = False

    def stop(self) -> None:
        """Stop the cluster and remove it."""
        if self._running:
            self.pause()
        shutil.rmtree(self.directory)
