"""Audit events: one structured log line for each thing that the server did."""

import json
import logging
from typing import Any

from oidcserver.operations.redaction import redact

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


def includeme(config: Any) -> None:
    """Subscribe; oauth is above this room, so its event is named and not imported."""
    config.add_subscriber(audit, "oidcserver.oauth.events.OAuthEvent")
