"""One request to another host and its answer.

The name is resolved once, every address must be public or allowed, and the connection goes to one
of the addresses that were checked, so that a name whose addresses change (DNS rebinding) gains
nothing. The certificate is checked for the name. Redirects are not followed, proxies of the
environment are not used and nothing is decompressed.
"""

import contextlib
import http.client
import ipaddress
import logging
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from oidcserver.http.addresses import Address, Reachable, RejectedURL, check_addresses, parse_url
from oidcserver.types import FetchResult

#: The number of addresses of one host that are tried.
MAX_ADDRESSES = 4

log = logging.getLogger(__name__)

Resolver = Callable[..., Sequence[tuple[Any, ...]]]


class OutboundFetchError(Exception):
    """A fetch that was rejected or failed. ``reason`` is a sentence without an address."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class HostTimedOut(OutboundFetchError):
    """The host did not send its whole answer in time."""


class Redirected(OutboundFetchError):
    """The host answered with a redirect, which is not followed."""


class Exchange:
    """One request and its answer. Every failure is an :class:`OutboundFetchError`.

    :param timeout: seconds until the last byte, name resolution included.
    :param max_bytes: the size of the largest body that is accepted.
    :param resolver: is called like :func:`socket.getaddrinfo`.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        max_bytes: int,
        allowed: Reachable,
        tls: ssl.SSLContext,
        resolver: Resolver,
    ) -> None:
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._allowed = allowed
        self._tls = tls
        self._resolver = resolver
        self._deadline = time.monotonic() + timeout
        self._socket: socket.socket | None = None
        self._given_up = False
        try:
            self._target = parse_url(url, allow_http=allowed.loopback)
        except RejectedURL as problem:
            raise OutboundFetchError(str(problem)) from None

    def seconds_left(self) -> float:
        """Return the seconds until the deadline; 0 after it."""
        return max(0.0, self._deadline - time.monotonic())

    def addresses(self) -> list[Address]:
        """Resolve the name, only here, and return its addresses, all of them checked."""
        target = self._target
        try:
            found = self._resolver(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise OutboundFetchError("The URL's host has no address.") from None
        addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
        try:
            check_addresses(addresses, target, self._allowed)
        except RejectedURL as problem:
            raise OutboundFetchError(str(problem)) from None
        return addresses

    def request(self, method: str, headers: dict[str, str], body: bytes | None) -> FetchResult:
        """Send a request to the first address that accepts a connection; return the answer."""
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
        """Wake the thread that waits for the host; its result is no longer wanted."""
        self._given_up = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # Below TLS: its state belongs to the thread that uses it.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _connect(self, addresses: list[Address]) -> HTTPConnection:
        for position, address in enumerate(addresses):
            share = self.seconds_left() / (len(addresses) - position)
            connection = self._connection(str(address), max(share, 0.001))
            try:
                connection.connect()
            except ssl.SSLError as problem:
                connection.close()
                # The reason may be shown to a client, which cannot change the setting.
                log.warning(
                    "%s did not prove its name by TLS (%s). oauth.outbound_ca_bundle can name "
                    "the certificates that verify it.",
                    self._target.authority,
                    getattr(problem, "verify_message", problem.reason),
                )
                raise OutboundFetchError("The host did not prove its name by TLS.") from None
            except (HTTPError, OSError):
                connection.close()
                continue  # the next address of the same host may answer
            connection.timeout = self._timeout  # give_up comes before it
            # In this order: the second of the two threads sees what the first one wrote.
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
            ssl_context=self._tls,
        )

    def _result(self, response: HTTPResponse) -> FetchResult:
        if 300 <= response.status < 400:
            raise Redirected("The host answered with a redirect, which is not followed.")
        if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise OutboundFetchError("The host sent a compressed answer, which was not asked for.")
        limit = self._max_bytes
        body = b""
        for part in response.stream(16384, decode_content=False):
            body += part
            if len(body) > limit:
                raise OutboundFetchError(f"The host's answer is larger than {limit} bytes.")
        media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        headers = {name.lower(): value for name, value in response.headers.itermerged()}
        return FetchResult(response.status, media_type, body, headers)
