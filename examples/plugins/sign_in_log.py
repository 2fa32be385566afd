"""A subscriber: a line for each sign-in, as a security department wants it."""

import logging

from oidcserver.oauth.events import LoginSessionEvent
from oidcserver.types import Configurator

log = logging.getLogger(__name__)


def note_sign_in(event: LoginSessionEvent) -> None:
    """Log who signed in, and from where."""
    if event.name == "signed_in":
        log.info("%s from %s", event.details, event.request.remote_addr)


def includeme(config: Configurator) -> None:
    """Subscribe."""
    config.add_subscriber(note_sign_in, LoginSessionEvent)
