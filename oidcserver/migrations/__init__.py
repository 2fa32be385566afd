"""The revisions of the schema: the one that the code needs, and the one that a database has.

The way from one to the other is ``history``. It takes alembic, which a server whose database is up
to date does not load: it is a fifteenth of the memory of a process.
"""

from sqlalchemy import Engine, column, inspect, select, table

#: The last of ``versions``.
NEEDED = "0010"

_VERSION = table("alembic_version", column("version_num"))


def current(engine: Engine) -> str | None:
    """Return the revision that the database has; None before the first."""
    with engine.connect() as connection:
        if not inspect(connection).has_table(_VERSION.name):
            return None
        revision: str | None = connection.scalar(select(_VERSION.c.version_num))
        return revision
