"""The revisions of the schema, and the way from one to another: alembic, without an ini file."""

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
#: How long a process waits for another that migrates the same SQLite database.
SQLITE_WAIT_SECONDS = 600


def knows(revision: str) -> bool:
    """Say whether a revision is part of the history, or was made by other code."""
    history = ScriptDirectory.from_config(_config()).walk_revisions()
    return any(script.revision == revision for script in history)


def upgrade(engine: Engine, metadata: MetaData, revision: str = "head") -> None:
    """Bring the schema to a later revision; of several processes at once, one does it.

    :param metadata: the tables that the code has; new revisions are found by comparing with them.
    """
    with migrating(engine) as connection:
        command.upgrade(_config(connection, metadata), revision)


def downgrade(engine: Engine, metadata: MetaData, revision: str) -> None:
    """Bring the schema back to an earlier revision; ``base`` removes it."""
    with migrating(engine) as connection:
        command.downgrade(_config(connection, metadata), revision)


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """One transaction in which nobody else migrates: all of the new schema or all of the old.

    :raises RuntimeError: if a row of a SQLite database would refer to one that is not there.
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
    """Keep what refers to a table while alembic's batch mode makes it anew.

    SQLite alters a table by copying it, and dropping the original would delete, by the foreign
    keys, what refers to it. They can be switched off outside of a transaction only, and not for
    a connection that goes back to the pool. Our transactions on SQLite exclude others as it is.
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
