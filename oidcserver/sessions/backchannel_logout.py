"""Back-channel logout (OpenID Connect Back-Channel Logout 1.0).

With the end of a session, in the same transaction, a row is written for each client that is to
hear of it; the :mod:`deliverer <oidcserver.sessions.logout_deliverer>` sees to the rest. Signing
out waits for a moment, so that the applications that are well are signed out when the person goes
on, and for no longer, so that one that hangs holds nobody up.
"""

from pyramid.events import NewRequest
from sqlalchemy.orm import Session

from oidcserver import clock
from oidcserver.clients.members import fetched_uri
from oidcserver.http import allowed_addresses
from oidcserver.http.outbound import OutboundFetcher
from oidcserver.http.waiting import TooManyWaiting
from oidcserver.models import LogoutDelivery
from oidcserver.models.login_session_client import clients_of_login_session
from oidcserver.sessions.logout_channels import LogoutChannel, offer_logout_channel
from oidcserver.sessions.logout_deliverer import MEMBER, LogoutDeliverer
from oidcserver.settings import seconds
from oidcserver.types import Configurator, Registry, Request

NAME = "backchannel"
SETTINGS = (
    ("oidc.backchannel_logout_timeout", seconds, 2,
     "How long an application may take to answer that it heard of a logout."),
    ("oidc.backchannel_logout_wait", seconds, 1,
     "How long signing out waits at most for the applications to have heard of it."),
    ("oidc.backchannel_logout_lifetime", seconds, 86400,
     "How long an application that cannot be reached is told again of a logout."),
    ("oidc.backchannel_logout_interval", seconds, 15,
     "How often a process looks for logouts that are due; 0: it leaves them to a command."),
)  # fmt: skip


def queue_logouts(registry: Registry, dbsession: Session, session_id: str) -> list[str]:
    """Write what the clients of a session are to be told; return the identifiers of the rows.

    It belongs into the transaction that ends the session.
    """
    if NAME not in registry.oidc.logout_channels:
        return []
    now = clock.now()
    lifetime = registry.oidc.provider.settings["oidc.backchannel_logout_lifetime"]
    rows = [
        LogoutDelivery(
            client_id=client.client_id,
            subject=subject,
            session_id=session_id,
            expires_at=now + lifetime,
            next_attempt_at=now,
        )
        for client, subject in clients_of_login_session(dbsession, session_id)
        if client.member(MEMBER)
    ]
    dbsession.add_all(rows)
    dbsession.flush()
    return [row.id for row in rows]


def deliver_after_commit(request: Request, identifiers: list[str]) -> None:
    """Tell clients what was queued for them in the transaction of this request."""
    if identifiers:
        # The transaction is over by then: nothing is held while somebody else takes their time.
        request.oidc.database.after_commit(_deliver, request.registry, identifiers)


def _deliver(registry: Registry, identifiers: list[str]) -> None:
    wait = registry.oidc.provider.settings["oidc.backchannel_logout_wait"]
    try:
        with registry.oidc.waiting_places.taken():
            registry.oidc.logout_deliverer.deliver(identifiers, wait)
    except TooManyWaiting:  # these go on at once, and the clients hear of it all the same
        registry.oidc.logout_deliverer.wake()


def _start(event: NewRequest) -> None:
    event.request.registry.oidc.logout_deliverer.start()


def includeme(config: Configurator) -> None:
    """Offer the channel."""

    def register() -> None:
        config.add_subscriber(_start, NewRequest)
        config.action(("oauth", "logout deliverer"), make_deliverer)

    def make_deliverer() -> None:
        settings = config.registry.oidc.provider.settings
        bundle = settings["oauth.outbound_ca_bundle"]
        fetcher = OutboundFetcher(
            timeout=settings["oidc.backchannel_logout_timeout"],
            allowed=allowed_addresses(settings),
            ca_bundle=str(bundle) if bundle else None,
        )
        config.registry.oidc.logout_deliverer = LogoutDeliverer(config.registry, fetcher)

    for setting in SETTINGS:
        config.add_oauth_setting(*setting)
    offer_logout_channel(config, NAME, LogoutChannel(MEMBER, fetched_uri, register))
