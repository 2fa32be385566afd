"""The one way in which the server fetches what a client's URL points to.

For jwks_uri, sector_identifier_uri, request_uri and back-channel logout. The name is resolved
once, every address must be public, and the connection goes to an address that was looked at, so
that a name which changes its mind (DNS rebinding) gains nothing; the certificate is still checked
for the name. No redirect is followed, no proxy of the environment used, nothing decompressed.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from oidcserver.http.addresses import (
    Address,
    Reachable,
    RefusedURL,
    check_addresses,
    parse_url,
)
from oidcserver.http.waiting import TooManyWaiting

#: Fetches under way at once in this process. A flood of slow hosts must not take every thread.
MAX_CONCURRENT = 32

#: Addresses of one host that are tried, of those that all were looked at.
MAX_ADDRESSES = 4

NOWHERE_ELSE = Reachable()

T = TypeVar("T")
Resolver = Callable[..., Sequence[tuple[Any, ...]]]


class OutboundFetchError(Exception):
    """A fetch that was refused or failed. ``reason`` is a plain sentence without an address."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class HostTimedOut(OutboundFetchError):
    """The host did not answer in whole within the time."""


@dataclass(frozen=True, slots=True)
class FetchResult:
    """An answer: any status but a redirect, the media type in lower case, and the whole body."""

    status: int
    content_type: str
    body: bytes


class OutboundFetcher:
    """Fetches over https from public and from allowed addresses, within a time and a size.

    :param timeout: seconds from the call to the last byte, name resolution included.
    :param max_bytes: the largest body that is taken.
    :param allowed: the addresses beside the public ones. http goes to none of them but to this
        machine, where ``allowed.loopback`` is true.
    :param ca_bundle: a PEM file of certificate authorities instead of the system's.
    :param resolver: stands in for :func:`socket.getaddrinfo`.
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
        self.tls = ssl.create_default_context(cafile=ca_bundle)
        self.places = threading.BoundedSemaphore(MAX_CONCURRENT)

    def get(self, url: str, accept: str) -> FetchResult:
        """Fetch a document.

        :param accept: the value of the Accept field.
        :raises OutboundFetchError: if the URL is refused (then nothing was sent), or no whole
            answer came in time, or the answer is a redirect, too large or compressed.
        :raises TooManyWaiting: if too many fetches are under way in this process.
        """
        return self._within_deadline(url, lambda it: it.request("GET", {"Accept": accept}, None))

    def post_form(self, url: str, data: Mapping[str, str]) -> FetchResult:
        """Send a form (application/x-www-form-urlencoded) and return the answer.

        :raises OutboundFetchError: as :meth:`get`.
        """
        body = urlencode(data).encode("ascii")
        headers = {"Accept": "*/*", "Content-Type": "application/x-www-form-urlencoded"}
        return self._within_deadline(url, lambda it: it.request("POST", headers, body))

    def check(self, url: str) -> None:
        """Refuse what :meth:`get` would refuse, without connecting: for URLs kept for later.

        :raises OutboundFetchError: if the URL is refused or its host has no address.
        """
        self._within_deadline(url, lambda it: it.addresses())

    def _within_deadline(self, url: str, work: Callable[["_Exchange"], T]) -> T:
        # No socket option limits name resolution or an answer that comes a byte at a time, so
        # the work has a thread of its own, which its caller leaves when the time is over.
        exchange = _Exchange(self, url)
        future: Future[T | OutboundFetchError] = Future()

        def run() -> None:
            try:
                future.set_result(work(exchange))
            except OutboundFetchError as problem:
                # Not the exception itself: its traceback would keep the connection open.
                future.set_result(OutboundFetchError(problem.reason))
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


class _Exchange:
    """One request and its answer. Every failure is an :class:`OutboundFetchError`."""

    def __init__(self, fetcher: OutboundFetcher, url: str) -> None:
        self._fetcher = fetcher
        self._deadline = time.monotonic() + fetcher.timeout
        self._socket: socket.socket | None = None
        self._given_up = False
        try:
            self._target = parse_url(url, allow_http=fetcher.allowed.loopback)
        except RefusedURL as problem:
            raise OutboundFetchError(str(problem)) from None

    def seconds_left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def addresses(self) -> list[Address]:
        """Resolve the name, this once, and return its addresses, each looked at."""
        target = self._target
        try:
            found = self._fetcher.resolver(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise OutboundFetchError("The URL's host has no address.") from None
        addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
        try:
            check_addresses(addresses, target, self._fetcher.allowed)
        except RefusedURL as problem:
            raise OutboundFetchError(str(problem)) from None
        return addresses

    def request(self, method: str, headers: dict[str, str], body: bytes | None) -> FetchResult:
        connection = self._connect(self.addresses()[:MAX_ADDRESSES])
        fields = {
            "Host": self._target.authority,
            "User-Agent": "oidcserver",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        try:
            connection.request(
                method,
                self._target.request_target,
                body=body,
                headers=fields | headers,
                preload_content=False,
                decode_content=False,
            )
            with contextlib.closing(connection.getresponse()) as response:
                return self._result(response)
        except (HTTPError, http.client.HTTPException, OSError):
            raise OutboundFetchError("The host did not answer with whole, valid HTTP.") from None
        finally:
            connection.close()

    def give_up(self) -> None:
        """Wake the thread that waits for the host; what it was to return is no longer wanted."""
        self._given_up = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # Below TLS, whose own state belongs to the thread that uses it.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _connect(self, addresses: list[Address]) -> HTTPConnection:
        for position, address in enumerate(addresses):
            share = self.seconds_left() / (len(addresses) - position)
            connection = self._connection(str(address), max(share, 0.001))
            try:
                connection.connect()
            except ssl.SSLError:
                connection.close()
                raise OutboundFetchError("The host did not prove its name by TLS.") from None
            except (HTTPError, OSError):
                connection.close()
                continue  # the next address of the same host may answer
            connection.timeout = self._fetcher.timeout  # give_up comes before it
            # In this order: whichever of the two threads comes second sees what the first wrote.
            self._socket = connection.sock
            if not self._given_up:
                return connection
            connection.close()
        raise OutboundFetchError("The host did not accept a connection.")

    def _connection(self, address: str, timeout: float) -> HTTPConnection:
        target = self._target
        if target.scheme == "http":
            return HTTPConnection(address, target.port, timeout=timeout)
        return HTTPSConnection(
            address,
            target.port,
            timeout=timeout,
            server_hostname=target.host,
            ssl_context=self._fetcher.tls,
        )

    def _result(self, response: HTTPResponse) -> FetchResult:
        if 300 <= response.status < 400:
            raise OutboundFetchError("The host answered with a redirect, which is not followed.")
        if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise OutboundFetchError("The host sent a compressed answer, which was not asked for.")
        limit = self._fetcher.max_bytes
        body = b""
        for part in response.stream(16384, decode_content=False):
            body += part
            if len(body) > limit:
                raise OutboundFetchError(f"The host's answer is larger than {limit} bytes.")
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return FetchResult(response.status, media_type, body)
