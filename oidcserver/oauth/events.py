"""Pyramid events: what happened, for audit, metrics and plugins."""

import logging
from dataclasses import dataclass
from typing import Any

from oidcserver.types import Request

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OAuthEvent:
    """Something that the authorization server did.

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

    Subscribers to it are not called at each token.
    """


def announce(event: OAuthEvent) -> None:
    """Notify the subscribers of something that was done.

    A subscriber that raises is logged: what was done stays done, and the client gets its answer.
    """
    try:
        event.request.registry.notify(event)
    except Exception:
        log.exception("A subscriber to %s failed.", event.name)
