"""The recent activity of accounts: a subscriber to the events, which writes a row for its user.

The events of tokens are none of them, so the endpoints that only programs call write nothing here.
"""

from oidcserver.http.senders import remote_address_of, user_agent_of
from oidcserver.models.activity import record_activity
from oidcserver.oauth.events import OAuthEvent
from oidcserver.plugins.selection import SELECT
from oidcserver.settings import seconds
from oidcserver.types import Configurator

RETENTION = "oidc.activity_retention"
#: Tries that did not succeed, of which an attacker can make many.
FAILURES = frozenset(
    {"login_failed", "login_locked", "second_factor_failed", "second_factor_locked"}
)
#: Sign-ins; changes of the account, its password, address, profile, factors and connected sign-ins;
#: the access of applications; and a passkey of which there may be a copy.
CHANGES = frozenset(
    {
        "signed_in", "stepped_up", "user_registered", "user_recovered", "password_changed",
        "address_changed", "profile_changed", "device_remembered", "factor_added",
        "factor_removed", "recovery_codes_made", "recovery_code_used", "passkey_copied",
        "upstream_linked", "upstream_unlinked", "consent_granted", "consent_withdrawn",
    }
)  # fmt: skip
_RECORDED = FAILURES | CHANGES
#: The details that are kept; none is a user name, since users type passwords into its field.
DETAILS = ("amr", "client_id", "method", "methods", "upstream")
#: In the environ of the request of a command, and in the details: the operator did it.
BY_COMMAND = "oidcserver.command"


def record(event: OAuthEvent) -> None:
    """Write a row for an event of an account."""
    if event.name not in _RECORDED:
        return
    request = event.request
    details = {name: event.details[name] for name in DETAILS if name in event.details}
    if BY_COMMAND in request.environ:
        details[BY_COMMAND] = True
    record_activity(
        request.oidc.database,
        user_id=event.details.get("user_id"),
        event=event.name,
        details=details,
        user_agent=user_agent_of(request),
        remote_address=remote_address_of(request),
    )


def includeme(config: Configurator) -> None:
    """Subscribe to the events, unless nothing is to be kept."""
    config.add_oauth_setting(
        RETENTION,
        seconds,
        90 * 86400,
        "How long the sign-ins, failed tries and changes of an account are shown to its user; 0: "
        "they are not recorded.",
    )

    def subscribe() -> None:
        if config.registry.oidc.provider.settings[RETENTION]:
            config.add_subscriber(record, OAuthEvent)

    config.action(("oauth", "activity"), subscribe, order=SELECT)
