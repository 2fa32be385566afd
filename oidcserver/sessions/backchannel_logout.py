"""Back-channel logout (OpenID Connect Back-Channel Logout 1.0).

The transaction that ends a session also writes a row for each client to notify; the
:mod:`deliverer <oidcserver.sessions.logout_deliverer>` sends the logout tokens. Signing out waits
for a short time, so that responsive applications have signed the user out before the user goes on.
"""

from dataclasses import replace

from pyramid.events import NewRequest
from sqlalchemy import select
from sqlalchemy.orm import Session

from oidcserver import clock
from oidcserver.clients.values import fetched_uri
from oidcserver.http import make_fetcher
from oidcserver.http.waiting import TooManyWaiting
from oidcserver.models import LogoutDelivery
from oidcserver.models.login_session_client import clients_of_login_session
from oidcserver.oauth.waiting import cause_of
from oidcserver.sessions.logout_channels import LogoutChannel, offer_logout_channel
from oidcserver.sessions.logout_deliverer import MEMBER, LogoutDeliverer
from oidcserver.settings import seconds
from oidcserver.types import Configurator, FetchCause, Registry, Request

NAME = "backchannel"
SETTINGS = (
    ("oidc.backchannel_logout_timeout", seconds, 2,
     "How long an application may take to answer a logout token."),
    ("oidc.backchannel_logout_wait", seconds, 1,
     "How long signing out waits for the applications to answer, at most."),
    ("oidc.backchannel_logout_lifetime", seconds, 86400,
     "How long the delivery of a logout token is repeated while an application does not answer."),
    ("oidc.backchannel_logout_interval", seconds, 15,
     "How often a process looks for logout tokens to send; 0: `oidcserver deliver` sends "
     "them."),
)  # fmt: skip


def queue_logouts(registry: Registry, dbsession: Session, session_id: str) -> list[str]:
    """Write a row for each client of a session to notify; return the identifiers of the rows.

    Call this in the transaction that ends the session.
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
    """Send the queued logout tokens once the transaction of this request is committed.

    A command leaves them to the processes that serve: it may be over before an answer comes.
    """
    if identifiers and not request.oidc.provider.commanded:
        of_anybody = select(LogoutDelivery.id).where(
            LogoutDelivery.id.in_(identifiers), LogoutDelivery.client.has(self_registered=True)
        )
        anybody = request.oidc.dbsession.scalars(of_anybody.limit(1)).first() is not None
        cause = replace(cause_of(request, "sign-out", anybody=anybody), counted=False)
        # After the commit, no transaction is open while applications take their time.
        request.oidc.database.after_commit(_deliver, request.registry, identifiers, cause)


def _deliver(registry: Registry, identifiers: list[str], cause: FetchCause) -> None:
    wait = registry.oidc.provider.settings["oidc.backchannel_logout_wait"]
    try:
        with registry.oidc.waiting_places.taken(cause=cause):
            registry.oidc.logout_deliverer.deliver(identifiers, wait)
    except TooManyWaiting:  # the user goes on at once, and the tokens are sent in the background
        registry.oidc.logout_deliverer.look()


def _start(event: NewRequest) -> None:
    event.request.registry.oidc.logout_deliverer.start()


def includeme(config: Configurator) -> None:
    """Offer the channel."""

    def register() -> None:
        config.add_subscriber(_start, NewRequest)
        config.action(("oauth", "logout deliverer"), make_deliverer)

    def make_deliverer() -> None:
        settings = config.registry.oidc.provider.settings
        fetcher = make_fetcher(settings, settings["oidc.backchannel_logout_timeout"])
        interval = settings["oidc.backchannel_logout_interval"]
        config.registry.oidc.logout_deliverer = LogoutDeliverer(config.registry, fetcher, interval)

    for setting in SETTINGS:
        config.add_oauth_setting(*setting)
    offer_logout_channel(config, NAME, LogoutChannel(MEMBER, fetched_uri, register))
