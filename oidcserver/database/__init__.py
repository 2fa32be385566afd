"""The database: its reads and atomic writes, and the sessions of pages and commands."""

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from oidcserver.database.engine import make_engine
from oidcserver.database.request import RequestDatabase
from oidcserver.database.runner import Database, Joined
from oidcserver.database.statements import Read
from oidcserver.database.timeouts import add_settings, read_timeouts
from oidcserver.database.url import read_url
from oidcserver.database.writes import AtomicWrite, Following, NewRow, inserting
from oidcserver.settings import ConfigurationProblem, reference
from oidcserver.types import Configurator, Request, Statements

__all__ = [
    "AtomicWrite",
    "Database",
    "Following",
    "Joined",
    "NewRow",
    "Read",
    "RequestDatabase",
    "Statements",
    "inserting",
]

SETTING = "oidcserver.database_url"


def includeme(config: Configurator) -> None:
    """Add ``registry.oidc.database``, ``request.oidc.database`` and ``request.oidc.dbsession``."""
    config.include("pyramid_tm")
    config.add_oauth_setting(
        SETTING, reference, None,
        "SQLAlchemy's URL of the database; env:NAME or file:PATH keep its password out of here.",
    )  # fmt: skip
    add_settings(config)

    def connect() -> None:
        url = config.registry.oidc.provider.settings[SETTING]
        if not url:
            raise ConfigurationProblem(f"{SETTING} is missing: the URL of the database.")
        timeouts = read_timeouts(config.registry.oidc.provider)
        try:
            engine = make_engine(read_url(url), timeouts)
        except ValueError as problem:
            raise ConfigurationProblem(f"{SETTING} {problem}") from None
        config.registry.oidc.database = Database(engine, timeouts.answer)

    def choose_transactions() -> None:
        if not config.registry.oidc.provider.embedded:
            settings = config.registry.settings
            settings.setdefault("tm.manager_hook", "pyramid_tm.explicit_manager")
            settings.setdefault("tm.activate_hook", _has_transaction)
        elif veto := config.registry.settings.get("tm.commit_veto"):
            # Some of the provider's writes belong to a response that rejects the request.
            config.registry.settings["tm.commit_veto"] = partial(_veto, config.maybe_dotted(veto))

    config.action(("oauth", "database"), connect)
    config.action(("oauth", "transactions"), choose_transactions)
    config.add_oidc_attribute(
        "database", lambda request: RequestDatabase(request.registry.oidc.database, request)
    )
    config.action(
        ("request.oidc", "dbsession"),
        partial(setattr, config.registry.oidc.request_class, "dbsession", property(_dbsession)),
    )


def _dbsession(request_oidc: Any) -> Session:
    """The ORM session of the transaction that the code is in."""
    session: Session = request_oidc.database.session
    return session


def _veto(veto: Callable[[Request, Any], bool], request: Request, response: Any) -> bool:
    """Ask the application's ``tm.commit_veto`` about its own routes."""
    route = getattr(request, "matched_route", None)
    ours = route is not None and route.name in request.registry.oidc.provider.route_names
    return not ours and veto(request, response)


def _has_transaction(request: Request) -> bool:
    """Whether ``pyramid_tm`` manages a request (its ``tm.activate_hook``)."""
    provider = request.registry.oidc.provider
    return not provider.is_without_transaction(request.environ["PATH_INFO"])
