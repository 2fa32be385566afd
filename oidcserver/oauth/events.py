"""Pyramid events for audit, metrics and plugins."""

import logging
from dataclasses import dataclass
from typing import Any

from oidcserver.types import Request

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OAuthEvent:
    """An action of the authorization server.

    ``name``: ``token_issued``, ``authorization_granted``, ``authorization_denied``,
    ``token_revoked``, ``code_reused``, ``refresh_token_reused``, or a signal of Authlib.
    ``details`` never holds a credential.
    """

    request: Request
    name: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LoginSessionEvent(OAuthEvent):
    """A login session began or ended: ``signed_in``, ``signed_out``, ``session_ended``.

    A subscriber to this class is not called for each token.
    """


def announce(event: OAuthEvent) -> None:
    """Notify the subscribers of an action.

    An exception of a subscriber is logged. It does not undo the action or change the answer.
    """
    try:
        event.request.registry.notify(event)
    except Exception:
        log.exception("A subscriber to %s failed.", event.name)
