"""Audit events: the log has one line of JSON for each."""

import json
import logging

from oidcserver.oauth.events import OAuthEvent
from oidcserver.oauth.redaction import redact
from oidcserver.types import Configurator

log = logging.getLogger("oidcserver.audit")


def audit(event: OAuthEvent) -> None:
    """Log an event of :mod:`oidcserver.oauth.events`, without credentials."""
    if not log.isEnabledFor(logging.INFO):
        return
    line = {
        "event": event.name,
        "remote_address": event.request.remote_addr,
        **redact(event.details),
    }
    log.info("%s", json.dumps(line))


def includeme(config: Configurator) -> None:
    """Subscribe to the events."""
    config.add_subscriber(audit, OAuthEvent)
