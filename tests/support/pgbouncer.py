"""PgBouncer in front of a throwaway PostgreSQL cluster, in transaction mode."""

import os
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path
from shutil import rmtree
from typing import Self

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import make_url
from support.postgresql import Cluster
from support.processes import free_port
from support.requirements import pgbouncer

CONFIGURATION = """
[databases]
* = host={cluster} user=tests
[pgbouncer]
{user}
listen_addr =
unix_socket_dir = {directory}
listen_port = {port}
logfile = {directory}/log
auth_type = any
pool_mode = transaction
default_pool_size = {pool_size}
; Who has to wait longer has run into somebody who holds one connection and waits for another.
query_wait_timeout = {wait_seconds}
"""


class PgBouncer:
    """A pooler with ``pool_size`` connections for each database of the cluster.

    :param wait_seconds: who waits longer for a connection loses its own to the pooler.
    """

    def __init__(self, cluster: Cluster, pool_size: int, wait_seconds: int) -> None:
        program = pgbouncer()
        assert program is not None
        # Its socket has to be short, and it refuses to run as root.
        self.directory = Path(tempfile.mkdtemp(prefix="oidcpool"))
        self.directory.chmod(0o777)
        self.port = free_port()
        configuration = self.directory / "pgbouncer.ini"
        configuration.write_text(
            CONFIGURATION.format(
                cluster=cluster.directory,
                user="user = nobody" if os.getuid() == 0 else "",
                directory=self.directory,
                port=self.port,
                pool_size=pool_size,
                wait_seconds=wait_seconds,
            )
        )
        self.process = subprocess.Popen(
            [program, "--quiet", configuration], stdin=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 30
        while not (self.directory / f".s.PGSQL.{self.port}").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("PgBouncer did not start")
            time.sleep(0.05)

    def url(self, database_url: str) -> str:
        """Return the URL of a database of the cluster by way of the pooler."""
        query = {"host": str(self.directory), "port": str(self.port)}
        url = make_url(database_url).set(query=query)
        return url.render_as_string(hide_password=False)

    def connections(self) -> tuple[int, int]:
        """Return how many connections it has: those to it, and those of its own to the server."""
        console = psycopg.connect(
            host=str(self.directory),
            port=self.port,
            dbname="pgbouncer",
            user="pgbouncer",
            autocommit=True,
            row_factory=dict_row,
        )
        with closing(console):
            counted = []
            for what in (b"SHOW CLIENTS", b"SHOW SERVERS"):
                rows = console.execute(what).fetchall()
                counted.append(sum(row["database"] != "pgbouncer" for row in rows))
        clients, servers = counted
        return clients, servers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.kill()  # it would wait for its clients
        self.process.wait(timeout=10)
        rmtree(self.directory)
