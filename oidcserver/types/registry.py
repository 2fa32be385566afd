"""Pyramid's registry, and ``registry.oidc``."""

from collections.abc import Collection, Mapping, MutableMapping
from typing import Any, Protocol

from oidcserver.provider import Provider
from oidcserver.texts import Locale
from oidcserver.types.database import Database
from oidcserver.types.outbound import (
    OutboundFetcher,
    RemoteDocuments,
    RemoteJWKS,
    RemotePictures,
    WaitingPlaces,
)


class Budget(Protocol):
    """Counts what a process writes in a minute, so that it can be limited."""

    def use(self) -> int:
        """Count one; return how many were counted in this minute."""
        ...


class IgnoredScopes(Protocol):
    """Logs the scopes and resources of clients that were ignored, each once."""

    def note(self, client_id: str, name: str, reason: str, what: str = "scope") -> None: ...


class ForeignOrigins(Protocol):
    """Logs the origins of forms that were rejected, each once."""

    def report(self, origin: str, issuer: str) -> None: ...


class Deliverer(Protocol):
    """Sends the rows of a table of the outbox, from threads of its own."""

    def start(self) -> None:
        """Look for deliveries that are due, now and at intervals."""
        ...

    def stop(self) -> None:
        """Begin no further delivery."""
        ...

    def look(self) -> None:
        """Deliver what is due, in the background."""
        ...

    def deliver(self, identifiers: Collection[str], timeout: float) -> None:
        """Deliver in the background; wait ``timeout`` seconds at most for the first attempt."""
        ...

    def deliver_due(self) -> None:
        """Deliver what is due, and wait for it."""
        ...


class ClientDeliverer(Deliverer, Protocol):
    """Sends notifications to hosts of clients."""

    fetcher: OutboundFetcher


class DirectorySync(Protocol):
    """Asks the user directory again who may sign in, from a thread of its own."""

    def start(self) -> None:
        """Ask at intervals."""
        ...

    def stop(self) -> None:
        """Ask no more."""
        ...

    def check(self, before: int) -> tuple[int, int, int]:
        """Ask about the users who were not asked about since a time.

        Return the numbers of users, of those who changed, and of those whose sessions ended.
        """
        ...


class LogoutChannel(Protocol):
    """One way to notify an application of a sign-out."""

    @property
    def uri_member(self) -> str:
        """The client metadata member with which a client registers for the channel."""
        ...


class RegistryOidc:
    """``registry.oidc``: the objects that all requests share."""

    def __init__(self, request_class: type) -> None:
        #: The class of ``request.oidc``.
        self.request_class = request_class

    #: The offers that the ini selected.
    provider: Provider
    #: Runs reads and atomic writes alone, and makes sessions for commands.
    database: Database
    #: The fetches of clients' documents and keys.
    outbound_fetcher: OutboundFetcher
    waiting_places: WaitingPlaces
    ldap_places: WaitingPlaces
    remote_documents: RemoteDocuments
    remote_jwks: RemoteJWKS
    remote_pictures: RemotePictures
    #: The requests to upstreams, an ``UpstreamHosts`` of ``oidcserver.accounts.upstreams``.
    upstream_hosts: Any
    #: Limits on what a process logs.
    ignored_scopes: IgnoredScopes
    foreign_origins: ForeignOrigins
    rejection_budget: Budget
    outage_budget: Budget
    #: The selected logout channels by name, and the threads that send logout tokens.
    logout_channels: Mapping[str, LogoutChannel]
    logout_deliverer: ClientDeliverer
    #: The threads that send mail, where ``oidc.mail_url`` names a server.
    mail_outbox: Deliverer
    #: Asks a user directory that has a method ``find``.
    directory_sync: DirectorySync
    #: The threads that notify clients of decisions on backchannel requests, in ping mode.
    ping_deliverer: ClientDeliverer
    #: Validates access tokens for views with ``oauth_scope``.
    token_validator: Any
    #: Checks the keys that access tokens are bound to; the function ``key_confirmation`` of
    #: ``oidcserver.extensions.key_confirmation`` returns it with its type.
    key_confirmation: Any
    #: The public URL at which the paths of the application begin.
    resource_url: str
    #: The resources that this application protects, by their keys.
    protected_resources: MutableMapping[str, Any]
    #: The languages of the pages, by their tags.
    locales: Mapping[str, Locale]
    #: The look of the pages, a ``Branding`` of ``oidcserver.views.branding``.
    branding: Any
    #: Both discovery documents, as JSON.
    discovery_document: bytes


class Registry(Protocol):
    """Pyramid's registry."""

    oidc: RegistryOidc
    settings: MutableMapping[str, Any]

    def notify(self, *events: Any) -> None: ...

    def getUtility(self, interface: Any, name: str = "") -> Any: ...  # noqa: N802

    def queryUtility(self, interface: Any, name: str = "", default: Any = None) -> Any: ...  # noqa: N802

    def registerUtility(self, component: Any, provided: Any, name: str = "") -> None: ...  # noqa: N802
