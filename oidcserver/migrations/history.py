"""Migrates the schema from one revision to another, with alembic and without an ini file."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, text

from oidcserver.database.timeouts import without_timeouts

DIRECTORY = str(Path(__file__).parent)
#: PostgreSQL's advisory lock under which one process migrates: "oidc" in ASCII.
LOCK = 0x6F696463
#: Seconds that a process waits for another that migrates the same SQLite database.
SQLITE_WAIT_SECONDS = 600


def knows(revision: str) -> bool:
    """Return whether a revision is part of the history of this code."""
    history = ScriptDirectory.from_config(_config()).walk_revisions()
    return any(script.revision == revision for script in history)


def upgrade(engine: Engine, metadata: MetaData, revision: str = "head") -> None:
    """Migrate the schema to a later revision; of several processes at once, one does it.

    :param metadata: the tables that the code has; new revisions are found by comparing with them.
    """
    with migrating(engine) as connection:
        command.upgrade(_config(connection, metadata), revision)


def downgrade(engine: Engine, metadata: MetaData, revision: str) -> None:
    """Migrate the schema to an earlier revision; ``base`` removes it."""
    with migrating(engine) as connection:
        command.downgrade(_config(connection, metadata), revision)


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """Yield the connection of a transaction in which no other process migrates.

    :raises RuntimeError: if a row of a SQLite database would refer to a missing row.
    """
    with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            _let_tables_be_replaced(connection)
        with connection.begin(), nullcontext() if sqlite else without_timeouts(connection):
            if not sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            yield connection
            if sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise RuntimeError("The migration leaves rows that refer to nothing.")


def _let_tables_be_replaced(connection: Connection) -> None:
    """Keep the rows that refer to a table while alembic's batch mode replaces it.

    SQLite alters a table by copying it, and dropping the original would delete the rows that refer
    to it by foreign keys. Foreign keys can only be switched off outside a transaction, and not for
    a connection that returns to the pool. Our transactions on SQLite already exclude others.
    """
    connection.detach()
    cursor = connection.connection.cursor()
    cursor.execute("PRAGMA foreign_keys = OFF")
    cursor.execute(f"PRAGMA busy_timeout = {SQLITE_WAIT_SECONDS * 1000}")
    cursor.close()


def _config(connection: Connection | None = None, metadata: MetaData | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", DIRECTORY.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, metadata=metadata)
    return config
