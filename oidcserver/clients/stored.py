"""Warnings at the start about stored clients that the configuration does not fit any more."""

import logging
from collections.abc import Callable, Iterable

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

    def warn() -> None:
        provider = config.registry.oidc.provider
        if not provider.commanded:
            for condition, sentence in findings(provider):
                _warn(config.registry, condition, sentence)

    config.action(("oauth", name), warn, order=AFTER_SCHEMA)


def _warn(registry: Registry, condition: ColumnElement[bool], sentence: str) -> None:
    with registry.oidc.database.session() as dbsession:
        found = dbsession.scalars(
            select(Client.client_id).where(condition).order_by(Client.client_id).limit(SHOWN + 1)
        ).all()
    if found:
        names = ", ".join(found[:SHOWN]) + (", and more" if len(found) > SHOWN else "")
        log.warning("%s: %s.", sentence, names)
