"""A throwaway PostgreSQL cluster on a Unix socket."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url
from support.requirements import postgresql_bin

OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
    AND pid <> pg_backend_pid()
"""
TABLES = """
    SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
#: The columns of tables and indexes, the triggers, and the settings of the database.
SHAPE = """
    SELECT relname::text, relkind::text, attname::text, atttypid::int, attnotnull, attisdropped
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT tgname::text, '', '', tgrelid::int, true, true FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT unnest(setconfig), '', '', 0, true, true
    FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase
    WHERE datname = current_database()
    ORDER BY 1, 3
"""


class Cluster:
    """A cluster that lives as long as the tests: its data is not made durable."""

    def __init__(self) -> None:
        programs = postgresql_bin()
        assert programs is not None
        self._pg_ctl = programs / "pg_ctl"
        # Sockets' paths are short: not pytest's own directory. The databases of all tests together
        # would fill the memory.
        self.directory = Path(tempfile.mkdtemp(prefix="oidcpg", dir="/var/tmp"))
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
        #: The databases that can be lent, by the URL of their template.
        self._free: dict[str, list[str]] = {}
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
        with self._connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name}{copied}")
        return self.url.set(database=name).render_as_string(hide_password=False)

    @contextmanager
    def lent_database(self, template: str) -> Iterator[str]:
        """Lend a database that is like the one with the URL ``template``, which has no rows.

        To make one takes ten times as long as to empty one, so they are used again. A database of
        which more than rows was changed, or to which a connection is open, is not.
        """
        free = self._free.setdefault(template, [])
        url = free.pop() if free else self.new_database(template)
        with self._connect(make_url(url).database) as connection:
            shape = connection.execute(SHAPE).fetchall()
        yield url
        if self._running and self._empty(url, shape):
            free.append(url)

    def _empty(self, url: str, shape: object) -> bool:
        """Delete all rows; return whether the database is then like new."""
        with self._connect(make_url(url).database) as connection:
            end = time.monotonic() + 1  # the server hears later of a connection that was closed
            while connection.execute(OTHERS).fetchone() != (0,):
                if time.monotonic() > end:
                    return False
                time.sleep(0.005)
            tables = [name for (name,) in connection.execute(TABLES) if name != "alembic_version"]
            # Foreign keys are triggers, which a replica does not run.
            parts = [sql.SQL("SET session_replication_role = replica")]
            parts += [sql.SQL("DELETE FROM {}").format(sql.Identifier(name)) for name in tables]
            connection.execute(sql.SQL("; ").join(parts))
            return connection.execute(SHAPE).fetchall() == shape

    def _connect(self, name: str | None) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host=self.url.query["host"], user=self.url.username, dbname=name, autocommit=True
        )

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
