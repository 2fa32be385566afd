"""Audit events: one structured log line for each thing that the server did."""

import json
import logging
from typing import Any

log = logging.getLogger(__name__)


def audit(event: Any) -> None:
    """Log an event of :mod:`oidcserver.oauth.events`; its details never hold a credential."""
    details = {
        name: value
        for name, value in event.details.items()
        if value is None or isinstance(value, str | int)
    }
    line = {"event": event.name, "remote_address": event.request.remote_addr, **details}
    log.info("%s", json.dumps(line))


def includeme(config: Any) -> None:
    """Subscribe; oauth is above this room, so its event is named and not imported."""
    config.add_subscriber(audit, "oidcserver.oauth.events.OAuthEvent")
