"""The revision of the schema that the code needs, and the revision of a database.

The module ``history`` migrates from one to the other with alembic. A server whose database is up to
date does not import it: alembic takes a fifteenth of the memory of a process.
"""

from sqlalchemy import Engine, column, inspect, select, table

#: The last of ``versions``.
NEEDED = "0028"

_VERSION = table("alembic_version", column("version_num"))


def current(engine: Engine) -> str | None:
    """Return the revision of the database; None before the first."""
    with engine.connect() as connection:
        if not inspect(connection).has_table(_VERSION.name):
            return None
        revision: str | None = connection.scalar(select(_VERSION.c.version_num))
        return revision
