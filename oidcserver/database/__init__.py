"""The database: the engine, sessions joined to zope.sqlalchemy, compiled reads and writes."""

from sqlalchemy import make_url
from sqlalchemy.orm import Session

from oidcserver.database.connections import KeptConnections
from oidcserver.database.engine import RequestSession, make_engine, make_session_factory
from oidcserver.database.reading import Reader
from oidcserver.database.transactions import manage_on_demand
from oidcserver.database.url import read_url
from oidcserver.settings import ConfigurationProblem, reference, refers
from oidcserver.types import Configurator, Registry, Request

SETTING = "oidcserver.database_url"


def includeme(config: Configurator) -> None:
    """Add ``request.oidc.dbsession``, and to ``registry.oidc`` the factory and the reader."""
    config.include("pyramid_tm")
    config.add_oauth_setting(
        SETTING, reference, None,
        "SQLAlchemy's URL of the database; env:NAME or file:PATH keep its password out of here.",
    )  # fmt: skip
    config.add_startup_check("database url", _refuse_password_in_ini)

    def connect() -> None:
        url = config.registry.oidc.provider.settings[SETTING]
        if not url:
            raise ConfigurationProblem(f"{SETTING} is missing: the URL of the database.")
        try:
            engine = make_engine(read_url(url))
        except ValueError as problem:
            raise ConfigurationProblem(f"{SETTING} {problem}") from None
        config.registry.oidc.dbsession_factory = make_session_factory(engine)
        config.registry.oidc.kept_connections = KeptConnections(engine)
        config.registry.oidc.reader = Reader(config.registry.oidc.kept_connections)

    def choose_manager() -> None:
        if not config.registry.oidc.provider.embedded:
            config.registry.settings.setdefault("tm.manager_hook", manage_on_demand)

    config.action(("oauth", "database"), connect)
    config.action(("oauth", "transaction manager"), choose_manager)
    config.add_oidc_attribute("dbsession", _dbsession)


def _refuse_password_in_ini(registry: Registry) -> str | None:
    raw = str(registry.settings.get(SETTING, ""))
    production = registry.oidc.provider.settings["oidcserver.mode"] == "production"
    if production and not refers(raw) and make_url(raw).password:
        return f"{SETTING} holds a password: in production it comes from env:NAME or file:PATH."
    return None


def _dbsession(request: Request) -> Session:
    registry = request.registry
    engine = registry.oidc.dbsession_factory.kw["bind"]
    info = {"tm": request.tm, "reader": registry.oidc.reader}
    if engine.dialect.name == "postgresql":
        info["alone"] = registry.oidc.kept_connections
    return RequestSession(bind=engine, expire_on_commit=False, info=info)
