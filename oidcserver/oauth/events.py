"""Pyramid events for audit, metrics and plugins."""

import logging
from dataclasses import dataclass
from typing import Any

from oidcserver.types import Request

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OAuthEvent:
    """An action of the provider or, by a command, of the operator.

    ``details`` never holds a credential. The names are:

    - of tokens: ``token_issued``, ``token_exchanged``, ``token_revoked``, ``code_reused``,
      ``refresh_token_reused``, ``device_code_issued``, ``backchannel_authentication_requested``
    - of users: ``authorization_granted``, ``authorization_denied``, ``consent_granted``,
      ``consent_withdrawn``, ``login_failed`` (with ``user_id`` if an account has the name),
      ``login_locked`` (by the limit of a user name), ``login_throttled`` (by the limit of a
      network), ``user_code_rejected``
    - of accounts: ``user_registered``, ``user_recovered``, ``user_disabled``, ``user_enabled``,
      ``user_deleted``, ``password_changed``, ``address_changed``, ``profile_changed``,
      ``factor_added``, ``factor_removed``, ``second_factor_failed``, ``second_factor_locked``,
      ``recovery_codes_made``, ``recovery_code_used``, ``device_remembered``, ``passkey_copied``
    - of sign-ins elsewhere: ``upstream_failed``, ``upstream_linked``, ``upstream_unlinked``
    - of groups: ``group_created``, ``group_changed`` (its roles), ``group_deleted``,
      ``group_member_added``, ``group_member_removed``
    - of clients: ``client_created``, ``client_changed``, ``client_secret_rotated``,
      ``client_deleted``
    - those of :class:`LoginSessionEvent`
    """

    request: Request
    name: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LoginSessionEvent(OAuthEvent):
    """A login session began or ended: ``signed_in``, ``signed_out``, ``session_ended``; or a second
    factor raised its class: ``stepped_up``.

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
