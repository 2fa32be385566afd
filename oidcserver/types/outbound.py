"""Fetches from other hosts, as every room may make them; :mod:`oidcserver.http` implements them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from joserfc.jwk import KeySet


@dataclass(frozen=True, slots=True)
class FetchResult:
    """An answer: any status but a redirect, the media type in lower case, and the whole body.

    ``headers`` has the fields by their names in lower case; a repeated field is one list.
    """

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FetchCause:
    """Why the server fetches something: for what, for which client, and because of whom.

    ``oidcserver.oauth.waiting.cause_of`` makes that of a request.
    """

    #: What is fetched, such as ``request object``. Each has its own limits.
    purpose: str
    client_id: str = ""
    #: The network of the user or client that sends the request; None: no request is the cause.
    network: str | None = None
    #: Whether anybody can be the client, or chose the URL: the client registered itself, publishes
    #: its metadata, or is not known yet.
    anybody: bool = False
    #: Whether it counts as one of the fetches that the network may cause.
    counted: bool = True


#: The cause of what the operator configured: trusted issuers, upstreams, the provider itself.
OPERATOR = FetchCause("configured")


class Fetcher(Protocol):
    """Fetches documents. Failures are ``oidcserver.http.outbound.OutboundFetchError``."""

    #: Seconds that a fetch may take.
    timeout: float

    def get(self, url: str, accept: str) -> FetchResult:
        """Fetch a document; ``accept`` is the value of the Accept field."""
        ...


class OutboundFetcher(Fetcher, Protocol):
    """Fetches from public and from allowed addresses, within a time and a size."""

    def get(
        self,
        url: str,
        accept: str,
        max_bytes: int | None = None,
        headers: Mapping[str, str] = ...,
    ) -> FetchResult:
        """Fetch a document, with further header fields.

        :param max_bytes: the size of the largest accepted body, if it is less than the usual one.
        """
        ...

    def post_form(
        self, url: str, data: Mapping[str, str], headers: Mapping[str, str] = ...
    ) -> FetchResult:
        """Send a form, with further header fields, and return the answer."""
        ...

    def post_json(
        self, url: str, data: Mapping[str, Any], headers: Mapping[str, str]
    ) -> FetchResult:
        """Send a JSON object, with further header fields, and return the answer."""
        ...

    def check(self, url: str) -> None:
        """Reject a URL that :meth:`get` would reject, without connecting."""
        ...


class WaitingPlaces(Protocol):
    """Limits how many requests wait for other hosts, and counts what they fetch."""

    def taken(self, url: str = "", cause: FetchCause = OPERATOR) -> AbstractContextManager[None]:
        """Hold a place until the end of the ``with``.

        :raises oidcserver.http.waiting.TooManyWaiting: if there is none.
        """
        ...


class RemoteDocuments(Protocol):
    """Fetches documents that a request waits for."""

    def get(
        self, url: str, accept: str, cause: FetchCause, max_bytes: int | None = None
    ) -> FetchResult:
        """Fetch a document; ``cause`` says for whom."""
        ...


class Picture(Protocol):
    """A picture; without content there is none."""

    @property
    def media_type(self) -> str: ...

    @property
    def content(self) -> bytes: ...


class RemotePictures(Protocol):
    """Keeps the pictures of clients."""

    def known(self, url: str) -> Picture | None:
        """Return a remembered picture, without a fetch."""
        ...

    def fetch(self, url: str, cause: FetchCause) -> Picture:
        """Fetch a picture; ``cause`` says for whom."""
        ...


class RemoteJWKS(Protocol):
    """Keeps the JWK Sets that clients publish."""

    def keys(self, uri: str, kid: str | None, cause: FetchCause) -> KeySet:
        """Return the public keys at a URI; fetch them where ``kid`` is not among the known.

        :param cause: who makes the server fetch them, and for which client.
        """
        ...
