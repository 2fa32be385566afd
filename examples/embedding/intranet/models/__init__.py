"""The application's own database: ``request.dbsession``, as in Pyramid's cookiecutter."""

from typing import Any

import zope.sqlalchemy
from sqlalchemy import Engine, engine_from_config
from sqlalchemy.orm import Session, configure_mappers, sessionmaker

from intranet.models.meta import Base
from intranet.models.user import User

__all__ = ["Base", "User"]

configure_mappers()


def get_engine(settings: Any, prefix: str = "sqlalchemy.") -> Engine:
    """Return the engine of the settings."""
    return engine_from_config(settings, prefix)


def get_session_factory(engine: Engine) -> sessionmaker[Session]:
    """Return the session factory."""
    return sessionmaker(bind=engine)


def get_tm_session(
    session_factory: sessionmaker[Session], transaction_manager: Any, request: Any = None
) -> Session:
    """Return a session that takes part in the transaction of a request."""
    dbsession = session_factory(info={"request": request})
    zope.sqlalchemy.register(dbsession, transaction_manager=transaction_manager)
    return dbsession


def includeme(config: Any) -> None:
    """Add ``request.dbsession``."""
    settings = config.get_settings()
    settings["tm.manager_hook"] = "pyramid_tm.explicit_manager"
    config.include("pyramid_tm")
    engine = get_engine(settings)
    Base.metadata.create_all(engine)
    session_factory = get_session_factory(engine)
    config.registry["dbsession_factory"] = session_factory

    def dbsession(request: Any) -> Session:
        return get_tm_session(session_factory, request.tm, request)

    config.add_request_method(dbsession, reify=True)
