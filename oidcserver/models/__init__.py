"""The tables and the statements that decide; ``request.dbsession``."""

from typing import Any

from sqlalchemy import make_url
from sqlalchemy.orm import Session

from oidcserver.models.access_token import RevokedAccessToken
from oidcserver.models.authorization import Authorization
from oidcserver.models.authorization_code import AuthorizationCode
from oidcserver.models.base import Base
from oidcserver.models.client import Client
from oidcserver.models.connections import KeptConnections
from oidcserver.models.consent import Consent
from oidcserver.models.engine import RequestSession, make_engine, make_session_factory
from oidcserver.models.initial_access_token import InitialAccessToken
from oidcserver.models.login_session import LoginSession
from oidcserver.models.login_session_client import LoginSessionClient
from oidcserver.models.logout_delivery import LogoutDelivery
from oidcserver.models.pairwise_subject import PairwiseSubject
from oidcserver.models.reading import Reader
from oidcserver.models.refresh_token import RefreshToken
from oidcserver.models.rejection import RecordedRejection
from oidcserver.models.replay import UsedIdentifier
from oidcserver.models.suspended_request import SuspendedRequest
from oidcserver.models.throttle import Throttle
from oidcserver.models.transactions import manage_on_demand
from oidcserver.models.url import read_url
from oidcserver.models.user import User
from oidcserver.settings import ConfigurationProblem, reference, refers

SETTING = "oidcserver.database_url"

__all__ = [
    "Authorization",
    "AuthorizationCode",
    "Base",
    "Client",
    "Consent",
    "InitialAccessToken",
    "LoginSession",
    "LoginSessionClient",
    "LogoutDelivery",
    "PairwiseSubject",
    "RecordedRejection",
    "RefreshToken",
    "RevokedAccessToken",
    "SuspendedRequest",
    "Throttle",
    "UsedIdentifier",
    "User",
]


def includeme(config: Any) -> None:
    """Add ``request.dbsession``, ``registry.dbsession_factory`` and ``registry.reader``."""
    config.include("pyramid_tm")
    config.add_oauth_setting(
        SETTING, reference, None,
        "SQLAlchemy's URL of the database; env:NAME or file:PATH keep its password out of here.",
    )  # fmt: skip
    config.add_startup_check("database url", _refuse_password_in_ini)

    def connect() -> None:
        url = config.registry.provider.settings[SETTING]
        if not url:
            raise ConfigurationProblem(f"{SETTING} is missing: the URL of the database.")
        try:
            engine = make_engine(read_url(url))
        except ValueError as problem:
            raise ConfigurationProblem(f"{SETTING} {problem}") from None
        config.registry.dbsession_factory = make_session_factory(engine)
        config.registry.kept_connections = KeptConnections(engine)
        config.registry.reader = Reader(config.registry.kept_connections)

    def choose_manager() -> None:
        if not config.registry.provider.embedded:
            config.registry.settings.setdefault("tm.manager_hook", manage_on_demand)

    config.action(("oauth", "database"), connect)
    config.action(("oauth", "transaction manager"), choose_manager)
    config.add_request_method(_dbsession, "dbsession", reify=True)


def _refuse_password_in_ini(registry: Any) -> str | None:
    raw = str(registry.settings.get(SETTING, ""))
    production = registry.provider.settings["oidcserver.mode"] == "production"
    if production and not refers(raw) and make_url(raw).password:
        return f"{SETTING} holds a password: in production it comes from env:NAME or file:PATH."
    return None


def _dbsession(request: Any) -> Session:
    registry = request.registry
    engine = registry.dbsession_factory.kw["bind"]
    info = {"tm": request.tm, "reader": registry.reader}
    if engine.dialect.name == "postgresql":
        info["alone"] = registry.kept_connections
    return RequestSession(bind=engine, expire_on_commit=False, info=info)
