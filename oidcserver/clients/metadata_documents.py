"""Client ID metadata documents: a client_id that is the URL of the client's own metadata.

OAuth Client ID Metadata Document (draft-ietf-oauth-client-id-metadata-document). A document is
fetched where a client may be new: at the start of an authorization request. It is kept as a row, so
that the token endpoint, other processes and the time after a restart know the client; a token
request never makes the server fetch a document of a client that it does not know.
"""

import logging
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

from oidcserver import clock
from oidcserver.clients.document_urls import (
    HOSTS,
    SELECTED,
    document_url_problem,
    is_document_url,
)
from oidcserver.clients.documents import METHODS, read_document
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.http.freshness import freshness
from oidcserver.http.outbound import OutboundFetchError
from oidcserver.http.throttling import network_of, take
from oidcserver.models import Client, ClientRecord
from oidcserver.models.client import find_client
from oidcserver.models.client_document import CLAIM, DISCARD, keep_document
from oidcserver.oauth.errors import Rejection, too_many
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.oauth.requests import Payload
from oidcserver.oauth.waiting import waiting_for_a_host
from oidcserver.settings import boolean, integer, seconds, words
from oidcserver.types import Configurator, FetchResult, Provider, Registry, Request

log = logging.getLogger(__name__)

RULE = "OAuth Client ID Metadata Document section 4"
LIMIT = "oauth.client_document_limit"
MAX_AGE = "oauth.client_document_max_age"
MAX_STALE = "oauth.client_document_max_stale"
#: The largest document that is read: 5 kilobytes (section "Maximum Response Size").
MAX_BYTES = 5120
#: Seconds for which a document is used that says nothing about it.
USUAL_AGE = 300
#: Seconds for which each document is used: a sign-in takes several requests.
MIN_AGE = 30
#: Seconds in which a document is tried once while a copy is used.
RETRY = 30
#: The answers by which a host says that there is no document any more.
GONE = frozenset({404, 410})
_ACCEPT = "application/json"


class _DocumentRejected(Rejection):
    """There is no client at a URL: the URL or its document is not accepted.

    :param reason: a sentence about it.
    """

    def __init__(self, reason: str, url: str) -> None:
        super().__init__(
            "invalid_request",
            f"The application cannot be identified. {reason}",
            rule=RULE,
            received={"client_id": url},
        )


class _DocumentAway(Rejection):
    """The document cannot be had now."""

    def __init__(self, reason: str, url: str) -> None:
        super().__init__(
            "temporarily_unavailable",
            "The metadata document of the client cannot be fetched at this moment.",
            rule=RULE,
            received={"client_id": url, "reason": reason},
            status_code=503,
            headers=(("Retry-After", str(RETRY)),),
        )
        self.reason = reason


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
        raise _DocumentRejected(problem, url)
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
    except _DocumentRejected as problem:
        log.info("The client %s is not known any more: %s", url, problem.description)
        return None


def _current(request: Request, url: str, known: ClientRecord | None) -> ClientRecord:
    """Return the client of a document, which is fetched if the copy is missing or old.

    While one request fetches it, or if its host does not answer, an old copy is used.
    """
    if known is None:
        try:
            return _fetch(request, url)
        except _DocumentAway as problem:
            raise _DocumentRejected(problem.reason, url) from None
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
        return _fetch(request, url)
    except _DocumentRejected:
        database.write(DISCARD, discarded_client=url, discarded_now=now)
        raise
    except Rejection:
        if not usable:
            raise
        log.warning("The document of the client %s is used although it is old.", url)
        return known


def _fetch(request: Request, url: str) -> ClientRecord:
    """Fetch and keep a document; return the client."""
    database = request.oidc.database
    with database.keeping_rows():
        database.commit()
        _count(request, url)
        try:
            with waiting_for_a_host(request):
                result = request.registry.oidc.remote_documents.get(
                    url, _ACCEPT, max_bytes=MAX_BYTES
                )
        except OutboundFetchError as problem:
            raise _DocumentAway(problem.reason, url) from None
        _keep(request, url, result)
        client = find_client(database.alone, url)
    if client is None:  # too many others were stored at the same moment
        raise _DocumentAway("The copy was removed at once.", url)
    return client


def _keep(request: Request, url: str, result: FetchResult) -> None:
    """Check the answer, and store the document with the time for which it may be used."""
    provider = request.oidc.provider
    if result.status in GONE:
        raise _DocumentRejected("There is no document at its address.", url)
    if result.status != 200:
        raise _DocumentAway(f"The host answered with status {result.status}, not 200.", url)
    if result.content_type != "application/json" and not (
        result.content_type.startswith("application/") and result.content_type.endswith("+json")
    ):
        raise _DocumentRejected("Its address does not lead to JSON.", url)
    try:
        metadata = read_document(provider, url, result.body)
        fresh = freshness(result.headers)
    except InvalidClientMetadata as problem:
        raise _DocumentRejected(problem.description, url) from None
    except ValueError as contradiction:
        raise _DocumentRejected(f"The document is not usable: {contradiction}.", url) from None
    said = USUAL_AGE if fresh.seconds is None else fresh.seconds
    expires_at = clock.now() + max(MIN_AGE, min(said, provider.settings[MAX_AGE]))
    stale = provider.settings[MAX_STALE] if fresh.may_be_stale else 0
    described = Client(client_id=url, client_metadata=metadata, document_expires_at=expires_at)
    event = request.oidc.database.alone.run(
        partial(
            keep_document,
            client_id=url,
            metadata=metadata,
            expires_at=expires_at,
            usable_until=expires_at + stale,
            may_redirect_to=described.check_redirect_uri,
        )
    )
    if event:
        announce(OAuthEvent(request, event, {"client_id": url}))


def _count(request: Request, url: str) -> None:
    """Count a fetch, for the host of the document and for the network of the user.

    One host may have documents without number, and one user may name any number of hosts.
    """
    limit = request.oidc.provider.settings[LIMIT]
    engine = request.oidc.database.alone.engine
    network = network_of(request.remote_addr or "")
    for key in (f"client document at {urlsplit(url).netloc}", f"client document for {network}"):
        wait = take(engine, key, limit, 60)
        if wait:
            raise too_many("Too many applications were looked up. Please try again later.", wait)


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
        words,
        (),
        "The hosts whose documents are accepted; a name that begins with a dot stands for every "
        "name below it; empty: all hosts of the public internet.",
    )
    setting(MAX_AGE, seconds, 86400,
            "The time after which a document is fetched again at the latest.")  # fmt: skip
    setting(MAX_STALE, seconds, 86400,
            "The further time that it is used while its host does not answer.")  # fmt: skip
    setting(
        LIMIT,
        integer,
        30,
        "How many documents are fetched in a minute from one host, and for one network.",
    )
    config.add_server_metadata(
        "client_id_metadata_document_supported", lambda provider: is_selected(provider) or None
    )
    config.add_oauth_offer("startup warning", "client documents", _warn_of_no_method)
    config.add_oidc_method(renew_client)
