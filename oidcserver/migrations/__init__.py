"""The schema's history: alembic, without an ini file of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, text

#: PostgreSQL's advisory lock under which one process migrates: "oidc" in ASCII.
LOCK = 0x6F696463


def head() -> str:
    """Return the revision that the code needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def current(engine: Engine) -> str | None:
    """Return the revision that the database has; None before the first."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: Engine, metadata: MetaData, revision: str = "head") -> None:
    """Bring the schema to a later revision; of several processes at once, one does it."""
    with _locked(engine) as connection:
        command.upgrade(_config(connection, metadata), revision)


def downgrade(engine: Engine, metadata: MetaData, revision: str) -> None:
    """Bring the schema back to an earlier revision; ``base`` removes it."""
    with _locked(engine) as connection:
        command.downgrade(_config(connection, metadata), revision)


@contextmanager
def _locked(engine: Engine) -> Iterator[Connection]:
    """One transaction in which nobody else migrates: all of the new schema or all of the old.

    On SQLite the transaction itself excludes others, since ours begin immediately.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        yield connection


def _config(connection: Connection | None = None, metadata: MetaData | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, metadata=metadata)
    return config
