"""Fetches URLs of clients and of upstreams: the only outbound requests of the server.

Those of clients are jwks_uri, sector_identifier_uri, request_uri, logo_uri, back-channel logout
URIs, the notification endpoints of CIBA, and the client_id of a client that publishes its metadata.
:mod:`oidcserver.http.exchange` makes one request; this module limits its time and their number.
"""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import urlencode

from oidcserver.http.addresses import Reachable
from oidcserver.http.exchange import (
    Exchange,
    HostTimedOut,
    OutboundFetchError,
    Redirected,
    Resolver,
)
from oidcserver.http.waiting import TooManyWaiting
from oidcserver.types import FetchResult

__all__ = ["NOWHERE_ELSE", "HostTimedOut", "OutboundFetchError", "OutboundFetcher", "Redirected"]

#: Fetches under way at once in this process. A flood of slow hosts must not take every thread.
MAX_CONCURRENT = 32

NOWHERE_ELSE = Reachable()
NO_FIELDS: Mapping[str, str] = MappingProxyType({})

T = TypeVar("T")


@cache
def _trusting(ca_bundle: str | None) -> ssl.SSLContext:
    """Return the context of a process that trusts these authorities; reading them takes long."""
    return ssl.create_default_context(cafile=ca_bundle)


class OutboundFetcher:
    """Fetches over https from public and from allowed addresses, within a time and a size.

    :param timeout: seconds from the call to the last byte, name resolution included.
    :param max_bytes: the size of the largest body that is accepted.
    :param allowed: the addresses that are allowed besides the public ones. http is only used for
        this machine, and only if ``allowed.loopback`` is true.
    :param ca_bundle: a PEM file of certificate authorities instead of the system's.
    :param resolver: replaces :func:`socket.getaddrinfo`.
    """

    def __init__(
        self,
        *,
        timeout: float = 5.0,
        max_bytes: int = 65536,
        allowed: Reachable = NOWHERE_ELSE,
        ca_bundle: str | None = None,
        resolver: Resolver = socket.getaddrinfo,
    ) -> None:
        self.timeout = timeout
        self.max_bytes = max_bytes
        self.allowed = allowed
        self.resolver = resolver
        self.tls = _trusting(ca_bundle)
        self.places = threading.BoundedSemaphore(MAX_CONCURRENT)

    def get(
        self,
        url: str,
        accept: str,
        max_bytes: int | None = None,
        headers: Mapping[str, str] = NO_FIELDS,
    ) -> FetchResult:
        """Fetch a document.

        :param accept: the value of the Accept field.
        :param max_bytes: the size of the largest body that is accepted, by default that of all.
        :param headers: further header fields.
        :raises OutboundFetchError: if the URL is rejected (then nothing was sent), if no whole
            answer came in time, or if the answer is a redirect, too large or compressed.
        :raises TooManyWaiting: if too many fetches are under way in this process.
        """
        return self._within_deadline(
            url, lambda it: it.request("GET", {"Accept": accept, **headers}, None), max_bytes
        )

    def post_form(
        self, url: str, data: Mapping[str, str], headers: Mapping[str, str] = NO_FIELDS
    ) -> FetchResult:
        """Send a form (application/x-www-form-urlencoded), with further header fields.

        :raises OutboundFetchError: as :meth:`get`.
        """
        body = urlencode(data).encode("ascii")
        own = {"Accept": "*/*", "Content-Type": "application/x-www-form-urlencoded"}
        return self._within_deadline(url, lambda it: it.request("POST", {**own, **headers}, body))

    def post_json(
        self, url: str, data: Mapping[str, Any], headers: Mapping[str, str]
    ) -> FetchResult:
        """Send a JSON object, with further header fields, and return the answer.

        :raises OutboundFetchError: as :meth:`get`.
        """
        fields = {"Accept": "*/*", "Content-Type": "application/json", **headers}
        body = json.dumps(data).encode()
        return self._within_deadline(url, lambda it: it.request("POST", fields, body))

    def check(self, url: str) -> None:
        """Reject a URL that :meth:`get` would reject, without connecting.

        :raises OutboundFetchError: if the URL is rejected or its host has no address.
        """
        self._within_deadline(url, lambda it: it.addresses())

    def _within_deadline(
        self, url: str, work: Callable[[Exchange], T], max_bytes: int | None = None
    ) -> T:
        # No socket option limits name resolution, or an answer that comes a byte at a time. So
        # another thread does the work, and the caller leaves it when the time is over.
        exchange = Exchange(
            url,
            timeout=self.timeout,
            max_bytes=self.max_bytes if max_bytes is None else max_bytes,
            allowed=self.allowed,
            tls=self.tls,
            resolver=self.resolver,
        )
        future: Future[T | OutboundFetchError] = Future()

        def run() -> None:
            try:
                future.set_result(work(exchange))
            except OutboundFetchError as problem:
                # Not the exception itself: its traceback would keep the connection open.
                future.set_result(type(problem)(problem.reason))
            except BaseException as problem:
                future.set_exception(problem)
            finally:
                self.places.release()

        if not self.places.acquire(blocking=False):
            raise TooManyWaiting
        try:
            threading.Thread(target=run, name="outbound-fetch", daemon=True).start()
        except RuntimeError:  # the system has no more threads
            self.places.release()
            raise TooManyWaiting from None
        late = HostTimedOut(f"The host did not answer in whole within {self.timeout:g} seconds.")
        try:
            outcome = future.result(exchange.seconds_left())
        except TimeoutError:
            exchange.give_up()
            raise late from None
        if isinstance(outcome, OutboundFetchError):
            # The socket's own timeout may fire first, by a moment: the reason is the same.
            raise outcome if exchange.seconds_left() else late
        return outcome
