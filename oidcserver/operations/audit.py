"""Audit events: one structured log line for each thing that the server did."""

import json
import logging
from typing import Any

from oidcserver.oauth.events import OAuthEvent
from oidcserver.oauth.redaction import redact
from oidcserver.types import Configurator

log = logging.getLogger("oidcserver.audit")


def audit(event: Any) -> None:
    """Log an event of :mod:`oidcserver.oauth.events`, without anything like a credential."""
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
