"""Fetches the document of a client that publishes its metadata, and keeps it.

OAuth Client ID Metadata Document, section "Client Information Discovery".
"""

from functools import partial

from oidcserver import clock
from oidcserver.clients.documents import read_document
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.http.addresses import host_of
from oidcserver.http.freshness import freshness
from oidcserver.http.outbound import OutboundFetchError
from oidcserver.models import Client, ClientRecord
from oidcserver.models.client import find_client
from oidcserver.models.client_document import keep_document
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.oauth.waiting import cause_of, waiting_for_a_host
from oidcserver.texts import _
from oidcserver.types import FetchResult, Request

RULE = "OAuth Client ID Metadata Document section 4"
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


class DocumentRejected(Rejection):
    """There is no client at a URL: the URL or its document is not accepted.

    :param reason: a sentence about it.
    """

    def __init__(self, reason: str, url: str) -> None:
        super().__init__(
            "invalid_request",
            _("The application cannot be identified. ${reason}", {"reason": reason}),
            rule=RULE,
            received={"client_id": url},
        )


class DocumentAway(Rejection):
    """The document cannot be had now."""

    def __init__(self, reason: str, url: str) -> None:
        super().__init__(
            "temporarily_unavailable",
            _("The metadata document of the client cannot be fetched right now."),
            rule=RULE,
            received={"client_id": url, "reason": reason},
            status_code=503,
            headers=(("Retry-After", str(RETRY)),),
        )
        self.reason = reason


def fetch_client(request: Request, url: str) -> ClientRecord:
    """Fetch the document at a URL and keep it; return the client.

    The transaction of the request ends; the rows that were read stay usable.

    :raises DocumentRejected: if there is no client.
    :raises Rejection: ``temporarily_unavailable``, if it cannot be fetched now.
    """
    database = request.oidc.database
    with database.keeping_rows():
        cause = cause_of(request, "client document", url, anybody=True)
        try:
            with waiting_for_a_host(request, host_of(url)):
                result = request.registry.oidc.remote_documents.get(
                    url, _ACCEPT, cause, max_bytes=MAX_BYTES
                )
        except OutboundFetchError as problem:
            raise DocumentAway(problem.reason, url) from None
        _keep(request, url, result)
        client = find_client(database.alone, url)
    if client is None:  # too many others were stored at the same moment
        raise DocumentAway("The copy was removed at once.", url)
    return client


def _keep(request: Request, url: str, result: FetchResult) -> None:
    """Check the answer, and store the document with the time for which it may be used."""
    provider = request.oidc.provider
    if result.status in GONE:
        raise DocumentRejected("There is no document at its address.", url)
    if result.status != 200:
        raise DocumentAway(f"The host answered with status {result.status}, not 200.", url)
    if result.content_type != "application/json" and not (
        result.content_type.startswith("application/") and result.content_type.endswith("+json")
    ):
        # Perhaps a page of its operator about a disturbance.
        raise DocumentAway("Its address does not lead to JSON.", url)
    try:
        metadata = read_document(provider, url, result.body)
        fresh = freshness(result.headers)
    except InvalidClientMetadata as problem:
        raise DocumentRejected(problem.description, url) from None
    except ValueError as contradiction:
        raise DocumentRejected(f"The document is not usable: {contradiction}.", url) from None
    age = USUAL_AGE if fresh.seconds is None else fresh.seconds
    expires_at = clock.now() + max(MIN_AGE, min(age, provider.settings[MAX_AGE]))
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
