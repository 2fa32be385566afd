"""The tables and the statements that decide; ``request.dbsession``."""

from typing import Any

from sqlalchemy.orm import Session

from oidcserver.models.access_token import RevokedAccessToken
from oidcserver.models.authorization import Authorization
from oidcserver.models.authorization_code import AuthorizationCode
from oidcserver.models.base import Base
from oidcserver.models.client import Client
from oidcserver.models.consent import Consent
from oidcserver.models.engine import join_transaction, make_engine, make_session_factory
from oidcserver.models.login_session import LoginSession
from oidcserver.models.refresh_token import RefreshToken
from oidcserver.models.rejection import RecordedRejection
from oidcserver.models.replay import UsedIdentifier
from oidcserver.models.suspended_request import SuspendedRequest
from oidcserver.models.throttle import Throttle
from oidcserver.models.user import User
from oidcserver.settings import text

__all__ = [
    "Authorization",
    "AuthorizationCode",
    "Base",
    "Client",
    "Consent",
    "LoginSession",
    "RecordedRejection",
    "RefreshToken",
    "RevokedAccessToken",
    "SuspendedRequest",
    "Throttle",
    "UsedIdentifier",
    "User",
]


def includeme(config: Any) -> None:
    """Add ``request.dbsession`` and ``registry.dbsession_factory``."""
    config.include("pyramid_tm")
    config.add_oauth_setting(
        "oidcserver.database_url", text, "", "SQLAlchemy's URL of the database."
    )

    def connect() -> None:
        engine = make_engine(config.registry.provider.settings["oidcserver.database_url"])
        config.registry.dbsession_factory = make_session_factory(engine)

    config.action(("oauth", "database"), connect)
    config.add_request_method(_dbsession, "dbsession", reify=True)


def _dbsession(request: Any) -> Session:
    dbsession: Session = request.registry.dbsession_factory()
    return join_transaction(dbsession, request.tm)
