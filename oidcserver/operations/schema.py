"""The schema at the start: development brings it up to date, production demands that it is."""

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from oidcserver.migrations import NEEDED, current
from oidcserver.models import Base
from oidcserver.plugins.selection import CHECK
from oidcserver.settings import ConfigurationProblem

#: Last: a configuration that is refused changes no database.
ORDER = CHECK + 2


def includeme(config: Any) -> None:
    """Check the schema at the start. A command does so when it needs the database."""

    def check() -> None:
        if not config.registry.provider.commanded:
            ensure_schema(config.registry)

    config.action(("oauth", "schema"), check, order=ORDER)


def ensure_schema(registry: Any) -> None:
    """Bring the schema up to date in development; in production demand that it is.

    :raises ConfigurationProblem: if it is not, or the database does not answer.
    """
    engine = registry.dbsession_factory.kw["bind"]
    development = registry.provider.settings["oidcserver.mode"] == "development"
    revision = read_revision(engine)
    if revision == NEEDED:
        return
    if development:
        from oidcserver.migrations import history

        history.upgrade(engine, Base.metadata)
        return
    state = f"is at revision {revision}" if revision else "has no schema"
    raise ConfigurationProblem(
        f"The database {state}, and the code needs {NEEDED}: run "
        "`oidcserver initdb` with this ini file."
    )


def read_revision(engine: Engine) -> str | None:
    """Return the revision of the schema, or None where there is none yet.

    :raises ConfigurationProblem: if the code does not know the revision, or the database does not
        answer.
    """
    try:
        revision = current(engine)
    except SQLAlchemyError as problem:
        reason = str(getattr(problem, "orig", problem)).strip().splitlines()[0]
        raise ConfigurationProblem(f"The database does not answer: {reason}.") from None
    if revision in (None, NEEDED):
        return revision
    from oidcserver.migrations import history

    if not history.knows(revision):
        raise ConfigurationProblem(
            f"The database is at revision {revision}, which this code does not know: it was made "
            f"by a newer release, or belongs to another application."
        )
    return revision
