"""OpenID Connect Client-Initiated Backchannel Authentication (CIBA): settings and notifications.

A client asks for the sign-in of a user whom it names, and the user decides on a page or device of
the provider. The endpoint ``backchannel_authentication`` takes the request, the grant ``ciba``
gives the tokens, and the page ``approvals`` asks the user.
"""

import logging

from pyramid.events import NewRequest

from oidcserver.http import make_fetcher
from oidcserver.keys.jwt import CLIENT_ALGORITHMS
from oidcserver.models.pairwise_subject import find_user_of_subject
from oidcserver.oauth.events import OAuthEvent
from oidcserver.oauth.grant_types import CIBA
from oidcserver.oidc.ciba.ping import PingDeliverer
from oidcserver.plugins.selection import SELECT
from oidcserver.settings import boolean, integer, seconds, words
from oidcserver.types import Configurator, Registry

log = logging.getLogger("oidcserver.ciba")

#: The event of a new request, by which plugins notify the user's device.
REQUESTED = "backchannel_authentication_requested"
ENDPOINT = "backchannel_authentication"
ROUTE = "oidc.approvals"
MODES = ("poll", "ping")
LIFETIME = "oidc.ciba_lifetime"
MAX_LIFETIME = "oidc.ciba_max_lifetime"
INTERVAL = "oidc.ciba_interval"
OPEN = "oidc.ciba_open_requests"
DELIVERY = "oidc.ciba_delivery_modes"
SIGNING = "oidc.ciba_request_signing_algs"
SIGNED = "oidc.ciba_require_signed_request"
SIGNED_LIFETIME = "oidc.ciba_signed_request_max_lifetime"
BINDING = "oidc.ciba_require_binding_message"
#: Seconds between two looks for notifications that another process left undone.
LOOK_SECONDS = 5


def _reject_contradictions(registry: Registry) -> str | None:
    """Reject an endpoint without its grant, and settings that no client can satisfy."""
    provider, settings = registry.oidc.provider, registry.oidc.provider.settings
    if (ENDPOINT in provider.endpoints) is not (CIBA in provider.grant_types):
        return (
            f"The endpoint {ENDPOINT} (oauth.endpoints) and the grant ciba (oauth.grants) belong "
            "together: select both or neither."
        )
    if ENDPOINT not in provider.endpoints:
        return None
    if not settings[DELIVERY]:
        return f"{DELIVERY} is empty, so no client could get tokens: select poll."
    if settings[SIGNED] and not settings[SIGNING]:
        return f"{SIGNED} requires signed requests, but {SIGNING} is empty."
    if settings[OPEN] < 1:
        return f"{OPEN} = {settings[OPEN]} would reject every request."
    return None


def _warn_of_missing_page(registry: Registry) -> str | None:
    provider = registry.oidc.provider
    if ENDPOINT not in provider.endpoints or ROUTE in provider.route_names:
        return None
    return (
        f"oauth.endpoints selects {ENDPOINT}, but oidc.pages does not select approvals: users "
        "can decide only where a plugin asks them."
    )


def _start(event: NewRequest) -> None:
    event.request.registry.oidc.ping_deliverer.start()


def _tell_developer(event: OAuthEvent) -> None:
    """Log where a new request waits, since no device is notified in development."""
    if event.name != REQUESTED or ROUTE not in event.request.oidc.provider.route_names:
        return
    user = find_user_of_subject(event.request.oidc.database, event.details["user_id"])
    name = user.username if user is not None else "The user"
    log.info("%s decides on the request at %s", name, event.request.oidc.url(ROUTE))


def includeme(config: Configurator) -> None:
    """Add the settings, and the deliverer where the ping mode is selected."""
    setting = config.add_oauth_setting
    setting(
        LIFETIME,
        seconds,
        300,
        "How long a user has to decide on a backchannel request that requests no other time.",
    )
    setting(MAX_LIFETIME, seconds, 900,
            "The longest time that a backchannel request may request.")  # fmt: skip
    setting(INTERVAL, seconds, 5, "The time between two polls for the tokens.")
    setting(
        OPEN,
        integer,
        3,
        "How many undecided backchannel requests a user may have; a further one is rejected.",
    )
    setting(
        DELIVERY,
        words,
        MODES,
        "How a client may learn of a user's decision: it asks (poll), or is notified (ping).",
        allowed=MODES,
    )
    setting(
        SIGNING,
        words,
        CLIENT_ALGORITHMS,
        "The algorithms by which a client may sign its backchannel requests.",
        allowed=CLIENT_ALGORITHMS,
    )
    setting(SIGNED, boolean, False, "Whether every backchannel request has to be signed.")
    setting(
        SIGNED_LIFETIME,
        seconds,
        3600,
        "The longest time between nbf and exp of a signed backchannel request.",
    )
    setting(
        BINDING,
        boolean,
        False,
        "Whether every backchannel request has to have a binding_message.",
    )
    config.add_startup_check("ciba", _reject_contradictions)
    config.add_oauth_offer("startup warning", "ciba", _warn_of_missing_page)

    def select() -> None:
        settings = config.registry.oidc.provider.settings
        if ENDPOINT not in settings["oauth.endpoints"]:
            return
        if settings["oidcserver.mode"] == "development":
            config.add_subscriber(_tell_developer, OAuthEvent)
        if "ping" not in settings[DELIVERY]:
            return
        fetcher = make_fetcher(settings, settings["oauth.outbound_timeout"])
        deliverer = PingDeliverer(config.registry, fetcher, LOOK_SECONDS)
        config.registry.oidc.ping_deliverer = deliverer
        config.add_subscriber(_start, NewRequest)

    config.action(("oauth", "ciba"), select, order=SELECT)
