"""The check of the schema at the start: development updates it, production requires the update."""

from sqlalchemy import Engine, inspect
from sqlalchemy.exc import SQLAlchemyError

from oidcserver.database.url import shown_url
from oidcserver.migrations import NEEDED, current
from oidcserver.models import Base
from oidcserver.operations.ini_file import one_line
from oidcserver.plugins.selection import CHECK
from oidcserver.settings import ConfigurationProblem
from oidcserver.types import Configurator, Registry

#: Last, so that a rejected configuration does not change the database.
ORDER = CHECK + 2


def includeme(config: Configurator) -> None:
    """Check the schema at the start. Commands check it when they use the database."""

    def check() -> None:
        if not config.registry.oidc.provider.commanded:
            ensure_schema(config.registry)

    config.action(("oauth", "schema"), check, order=ORDER)


def ensure_schema(registry: Registry) -> None:
    """Bring the schema up to date in development; require it to be up to date in production.

    :raises ConfigurationProblem: if it is not up to date, or the database does not answer.
    """
    engine = registry.oidc.database.engine
    if check_schema(registry) != NEEDED:
        upgrade(engine)


def check_schema(registry: Registry) -> str | None:
    """Return the revision of the database; in production it must be the required one.

    :raises ConfigurationProblem: if it is another one, or the database does not answer.
    """
    revision = read_revision(registry.oidc.database.engine)
    production = registry.oidc.provider.settings["oidcserver.mode"] == "production"
    if production and revision != NEEDED:
        state = f"is at revision {revision}" if revision else "has no schema"
        raise ConfigurationProblem(
            f"The database {state}, and the code requires {NEEDED}. Run `oidcserver initdb` with "
            "this ini file."
        )
    return revision


def upgrade(engine: Engine) -> None:
    """Bring the schema up to date.

    :raises ConfigurationProblem: if that fails. The database is not changed then.
    """
    from oidcserver.migrations import history

    try:
        history.upgrade(engine, Base.metadata)
    except (SQLAlchemyError, RuntimeError) as problem:
        raise ConfigurationProblem(
            f"{_named(engine)} cannot be upgraded to revision {NEEDED}: {reason(problem)}. It must "
            "be empty or belong to this provider, and its user must be able to create tables."
        ) from None


def read_revision(engine: Engine) -> str | None:
    """Return the revision of the schema, or None if there is none yet.

    :raises ConfigurationProblem: if the code does not know the revision, or the database does not
        answer.
    """
    try:
        revision = current(engine)
    except SQLAlchemyError as problem:
        raise ConfigurationProblem(_unanswered(engine, problem)) from None
    if revision == NEEDED:
        return revision
    if revision is None:
        if foreign := _tables(engine) & Base.metadata.tables.keys():
            raise ConfigurationProblem(
                f"{_named(engine)} has a table {min(foreign)!r} of another application. "
                "The provider requires a database, or a schema, of its own."
            )
        return None
    from oidcserver.migrations import history

    if not history.knows(revision):
        raise ConfigurationProblem(
            f"The database is at revision {revision}, which this release does not know. A newer "
            "release made it, or it belongs to another application."
        )
    return revision


def reason(problem: BaseException) -> str:
    """Return the message of the database, without a full stop at the end."""
    return one_line(getattr(problem, "orig", None) or problem)


def _named(engine: Engine) -> str:
    return f"oidcserver.database_url: {shown_url(engine.url)}"


def _tables(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(inspect(connection).get_table_names())


def _unanswered(engine: Engine, problem: SQLAlchemyError) -> str:
    sentence = f"{_named(engine)} does not answer: {reason(problem)}."
    if engine.dialect.name == "sqlite":
        return (
            f"{sentence} Its directory has to exist, and this user has to be "
            "allowed to write to it and to the file."
        )
    return f"{sentence} Check that it runs and that the URL is right."
