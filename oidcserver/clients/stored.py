"""Warnings at the start about clients, stored and named, that do not fit the configuration."""

import logging
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import ColumnElement, select

from oidcserver.models import Client
from oidcserver.plugins.selection import AFTER_SCHEMA
from oidcserver.types import Configurator, Provider, Registry

log = logging.getLogger("oidcserver.start")
#: The number of clients that a line of the log names.
SHOWN = 10

#: Conditions of stored clients, and the beginning of the sentence that names such clients.
Findings = Iterable[tuple[ColumnElement[bool], str]]


def has_flag(member: str, value: bool) -> ColumnElement[bool]:
    """Return the condition that a member of the metadata has this value."""
    flag: ColumnElement[bool] = Client.client_metadata[member].as_boolean().is_(value)
    return flag


def warn_at_start(
    config: Configurator, name: str, findings: Callable[[Provider], Findings]
) -> None:
    """Log the stored clients that have a condition, where a server starts.

    :param name: of the warning, for Pyramid.
    """

    def warn(provider: Provider) -> None:
        for condition, sentence in findings(provider):
            _warn(config.registry, condition, sentence)

    _at_start(config, name, warn)


def warn_of_missing(
    config: Configurator, setting: str, named: Callable[[Provider], Iterable[str]]
) -> None:
    """Log the clients that a setting names and that do not exist, where a server starts.

    A client that publishes its metadata is stored when it is used.

    :param named: returns the identifiers of the clients.
    """

    def warn(provider: Provider) -> None:
        names = {name for name in named(provider) if not name.startswith("https://")}
        if not names:
            return
        with config.registry.oidc.database.session() as dbsession:
            known = dbsession.scalars(select(Client.client_id).where(Client.client_id.in_(names)))
            missing = sorted(names.difference(known))
        if missing:
            log.warning("%s names clients that do not exist: %s.", setting, _listed(missing))

    _at_start(config, f"clients of {setting}", warn)


def _at_start(config: Configurator, name: str, warn: Callable[[Provider], None]) -> None:
    def run() -> None:
        provider = config.registry.oidc.provider
        if not provider.commanded:
            warn(provider)

    config.action(("oauth", name), run, order=AFTER_SCHEMA)


def _warn(registry: Registry, condition: ColumnElement[bool], sentence: str) -> None:
    with registry.oidc.database.session() as dbsession:
        found = dbsession.scalars(
            select(Client.client_id).where(condition).order_by(Client.client_id).limit(SHOWN + 1)
        ).all()
    if found:
        log.warning("%s: %s.", sentence, _listed(found))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", and more" if len(names) > SHOWN else "")
