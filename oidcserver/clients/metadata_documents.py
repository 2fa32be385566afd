"""Client ID metadata documents: a client_id that is the URL of the client's own metadata.

OAuth Client ID Metadata Document (draft-ietf-oauth-client-id-metadata-document). A document is
fetched where a client may be new: at the start of an authorization request, and with an ID-JAG. It
is kept as a row, so that the token endpoint, other processes and the time after a restart know the
client; no other token request makes the server fetch a document of a client that it does not know.
"""

import logging
from typing import Protocol

from oidcserver import clock
from oidcserver.clients.document_fetching import (
    MAX_AGE,
    MAX_STALE,
    RETRY,
    DocumentAway,
    DocumentRejected,
    fetch_client,
)
from oidcserver.clients.document_urls import (
    HOSTS,
    SELECTED,
    document_url_problem,
    is_document_url,
)
from oidcserver.clients.documents import METHODS
from oidcserver.http.addresses import hosts
from oidcserver.models import ClientRecord
from oidcserver.models.client import find_client
from oidcserver.models.client_document import CLAIM, DISCARD
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.requests import Payload
from oidcserver.settings import boolean, seconds
from oidcserver.types import Configurator, Provider, Registry, Request

log = logging.getLogger(__name__)


class Naming(Protocol):
    """The object of a flow whose request names a client."""

    @property
    def request(self) -> Request: ...

    @property
    def payload(self) -> Payload: ...


def is_selected(provider: Provider) -> bool:
    """Whether clients may publish their metadata."""
    return bool(provider.settings[SELECTED])


def fetch_document(naming: Naming) -> None:
    """Fetch the document of the client, if the client_id is a URL and the copy is missing or old.

    A registered client is never fetched, whatever its client_id. No transaction is open meanwhile.

    :raises Rejection: if there is no such document.
    """
    request = naming.request
    named = naming.payload.datalist.get("client_id", [])
    if len(named) != 1 or not is_document_url(request.oidc.provider, named[0]):
        return
    url = named[0]
    readable = url.isascii() and url.isprintable()
    known = find_client(request.oidc.database, url) if readable else None
    if known is not None and not known.publishes_itself:
        return
    problem = document_url_problem(request.oidc.provider, url)
    if problem is not None:
        raise DocumentRejected(problem, url)
    _current(request, url, known)


def renew_client(request: Request, client: ClientRecord) -> ClientRecord | None:
    """Return a client that publishes its metadata, by a document that is not too old.

    The transaction ends if the document is fetched; the rows that were read stay usable.

    :returns: None if this server does not accept the document any more.
    :raises Rejection: ``temporarily_unavailable`` if the document cannot be had now.
    """
    provider, url = request.oidc.provider, client.client_id
    if not is_document_url(provider, url) or document_url_problem(provider, url) is not None:
        return None
    try:
        return _current(request, url, client)
    except DocumentRejected as problem:
        log.info("The client %s is not known any more: %s", url, problem.description)
        return None


def _current(request: Request, url: str, known: ClientRecord | None) -> ClientRecord:
    """Return the client of a document, which is fetched if the copy is missing or old.

    While one request fetches it, or if its host does not answer, an old copy is used.
    """
    if known is None:
        try:
            return fetch_client(request, url)
        except DocumentAway as problem:
            raise DocumentRejected(problem.reason, url) from None
    now, database = clock.now(), request.oidc.database
    assert known.document_expires_at is not None
    assert known.document_usable_until is not None
    if known.document_expires_at > now:
        return known
    usable = known.document_usable_until > now
    until = min(now + RETRY, known.document_usable_until)
    claim = {"claimed_client": url, "claimed_now": now, "claimed_until": until}
    if usable and not database.write(CLAIM, **claim):
        return known
    try:
        return fetch_client(request, url)
    except DocumentRejected:
        database.write(DISCARD, discarded_client=url, discarded_now=now)
        raise
    except Rejection:
        if not usable:
            raise
        log.warning("The document of the client %s is used although it is old.", url)
        return known


def _warn_of_no_method(registry: Registry) -> str | None:
    provider = registry.oidc.provider
    if is_selected(provider) and not provider.client_authentication_methods.keys() & set(METHODS):
        return (
            f"{SELECTED} = true: such a client authenticates by {' or '.join(METHODS)}, but "
            "oauth.token_endpoint_auth_methods selects neither."
        )
    return None


def includeme(config: Configurator) -> None:
    """Add the settings, the metadata and the method that renews a client."""
    setting = config.add_oauth_setting
    setting(
        SELECTED,
        boolean,
        False,
        "Whether a client may be known by the document with its metadata that it publishes at the "
        "https URL that is its client_id.",
    )
    setting(
        HOSTS,
        hosts,
        (),
        "The hosts whose documents are accepted; a name that begins with a dot stands for every "
        "name below it; empty: all hosts of the public internet.",
    )
    setting(MAX_AGE, seconds, 86400,
            "The time after which a document is fetched again at the latest.")  # fmt: skip
    setting(MAX_STALE, seconds, 86400,
            "The further time that it is used while its host does not answer.")  # fmt: skip
    config.add_server_metadata(
        "client_id_metadata_document_supported", lambda provider: is_selected(provider) or None
    )
    config.add_oauth_offer("startup warning", "client documents", _warn_of_no_method)
    config.add_oidc_method(renew_client)
