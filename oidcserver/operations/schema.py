"""The schema at the start: development brings it up to date, production demands that it is."""

from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from oidcserver import migrations
from oidcserver.models import Base
from oidcserver.plugins.selection import CHECK
from oidcserver.settings import ConfigurationProblem

#: Last: a configuration that is refused changes no database.
ORDER = CHECK + 2


def includeme(config: Any) -> None:
    """Check the schema, or bring it up to date."""
    config.action(("oauth", "schema"), lambda: _ensure(config.registry), order=ORDER)


def _ensure(registry: Any) -> None:
    development = registry.provider.settings["oidcserver.mode"] == "development"
    if registry.provider.commanded and not development:
        return
    engine = registry.dbsession_factory.kw["bind"]
    try:
        revision = migrations.current(engine)
        if revision == migrations.head():
            return
        if development:
            migrations.upgrade(engine, Base.metadata)
            return
    except SQLAlchemyError as problem:
        reason = str(getattr(problem, "orig", problem)).strip().splitlines()[0]
        raise ConfigurationProblem(f"The database does not answer: {reason}.") from None
    state = f"is at revision {revision}" if revision else "has no schema"
    raise ConfigurationProblem(
        f"The database {state}, and the code needs {migrations.head()}: run "
        "`oidcserver initdb` with this ini file."
    )
