"""Connections of waitress with stricter framing and timeouts, and with room for new peers.

A peer can open connections and send nothing, or a byte now and then, or not read the answers. So
requests have to arrive, and answers have to be read, within a time limit. When most connections are
in use, connections whose peers do not read, and idle connections, are closed.
"""

import logging
import resource
import time
from collections.abc import Collection
from typing import Any

from waitress.buffers import OverflowableBuffer
from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.utilities import Error

log = logging.getLogger("oidcserver.serving")

#: Header and body of a response of up to this size are sent together, in one packet.
ANSWER_BYTES = 16384
#: If more than this share of the allowed connections is open, idle ones are closed.
FULL = 0.9
#: Seconds in which a working peer reads an answer; used when connections run out.
UNREAD = 2
#: Seconds between two log lines about closed idle connections.
LOG_INTERVAL = 60


def default_connection_limit() -> int:
    """Return half of the files that this process may open, but no more than 1000."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1000 if files == resource.RLIM_INFINITY else min(files // 2, 1000)


class RequestTimeout(Error):
    """A request that did not arrive in time (RFC 9110 section 15.5.9)."""

    code = 408
    reason = "Request Timeout"


class Parser(HTTPRequestParser):
    """Rejects requests whose length a proxy may read in another way (request smuggling)."""

    def parse_header(self, header_plus: bytes) -> None:
        """Parse request line and fields.

        :raises ParsingError: if the request has both Transfer-Encoding and Content-Length, or has
            Transfer-Encoding in a version of HTTP without it (RFC 9112 section 6.1).
        """
        try:
            super().parse_header(header_plus)
        except ValueError:  # of urllib, for an absolute URL with a malformed host
            raise ParsingError("The request target is malformed") from None
        # waitress removes the field if it uses it.
        in_old_version = "TRANSFER_ENCODING" in self.headers
        if in_old_version or (self.chunked and "CONTENT_LENGTH" in self.headers):
            self.expect_continue = False
            raise ParsingError("Transfer-Encoding requires HTTP/1.1 and excludes Content-Length")


class Channel(HTTPChannel):
    """A connection that records how long its peer takes to send requests and to read answers."""

    parser_class = Parser
    request: Parser | None
    current_outbuf_count: int
    #: The monotonic time at which the connection was opened or a request began; None between
    #: requests.
    owed_since: float | None
    #: The monotonic times since when an answer has not been read completely, and since when no byte
    #: of it has been read; None if the peer has read everything.
    unread_since: float | None = None
    stalled_since: float | None = None
    _activity_seen = 0.0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.owed_since = time.monotonic()

    def received(self, data: bytes) -> bool:
        """Process the bytes that arrived."""
        before = self.request
        taken: bool = super().received(data)
        if self.request is None:
            self.owed_since = None
        elif self.request is not before:
            self.owed_since = time.monotonic()
        return taken

    def write_soon(self, data: Any) -> int:
        """Take a part of a response. A small response is sent as a whole at the end of the request.

        Otherwise header and body would be sent separately, and each would wake the main thread. If
        the operator sets ``send_bytes``, waitress decides.
        """
        waits = self.server.answer_bytes
        if not isinstance(data, bytes) or self.total_outbufs_len + len(data) >= waits:
            written: int = super().write_soon(data)
            return written
        with self.outbuf_lock:
            if not self.connected:
                raise ClientDisconnected
            if self.current_outbuf_count >= self.adj.outbuf_high_watermark:  # a new answer begins
                self.outbufs.append(OverflowableBuffer(self.adj.outbuf_overflow))
                self.current_outbuf_count = 0
            self.outbufs[-1].append(data)
            self.current_outbuf_count += len(data)
            self.total_outbufs_len += len(data)
        return len(data)

    @property
    def is_waiting(self) -> bool:
        """Whether no request is being served and no answer waits to be sent."""
        return not (self.requests or self.total_outbufs_len or self.will_close)

    def watch(self, now: float) -> None:
        """Record whether the peer reads its answers."""
        # Below the mark, a part of an answer may wait until the answer is complete.
        limit = self.adj.outbuf_high_watermark if self.requests else 0
        if self.total_outbufs_len <= limit:
            self.unread_since = self.stalled_since = None
            return
        if self.unread_since is None:
            self.unread_since = self.stalled_since = now
        elif self.last_activity != self._activity_seen:
            self.stalled_since = now
        self._activity_seen = self.last_activity

    def give_up(self) -> None:
        """Answer a request that has begun with 408, and close the connection."""
        with self.requests_lock:
            if self.requests:  # the channel does not read until these are answered
                self.owed_since = time.monotonic()
                return
            self.owed_since = None
            if self.request is None:
                self.will_close = True
                return
            self.request.error = RequestTimeout("The request did not arrive in time.")
            self.request.completed = True
            self.requests.append(self.request)
            self.request = None
            self.server.add_task(self)


class Holdout:
    """Closes connections whose peers do not send or read. Only the main thread uses it.

    :param limit: the maximum number of connections.
    :param request_timeout: seconds in which a request has to arrive, counted from its first byte,
        or from the opening of the connection; and in which the peer has to read a part of an
        answer.
    """

    def __init__(self, limit: int, request_timeout: int) -> None:
        self._room = int(limit * FULL)
        self._request_timeout = request_timeout
        self._checked_at = self._logged_at = float("-inf")

    def check(self, sockets: Collection[Any]) -> None:
        """End late requests and unread answers, and close connections if there are too many."""
        now = time.monotonic()
        full = len(sockets) > self._room
        if not full and now < self._checked_at + 1:
            return
        self._checked_at = now
        channels = [each for each in sockets if isinstance(each, Channel)]
        for channel in channels:
            if channel.will_close:
                # waitress waits until it can send, which the peer may prevent.
                channel.handle_close()
                continue
            channel.watch(now)
            if _is_over(channel.owed_since, self._request_timeout, now):
                channel.give_up()
            if _is_over(channel.stalled_since, self._request_timeout, now):
                channel.handle_close()
        if full:
            self._make_room(channels, len(sockets) - self._room, now)

    def _make_room(self, channels: list[Channel], number: int, now: float) -> None:
        """Close connections with unread answers, then idle ones, the longest first."""
        unread = [it for it in channels if _is_over(it.unread_since, UNREAD, now)]
        unread.sort(key=lambda channel: channel.unread_since or now)
        for channel in unread[:number]:
            channel.handle_close()
        number -= len(unread[:number])
        waiting = [channel for channel in channels if channel.is_waiting]
        waiting.sort(key=lambda channel: (channel.request is not None, channel.last_activity))
        for channel in waiting[:number]:
            channel.handle_close()
        if now > self._logged_at + LOG_INTERVAL:
            self._logged_at = now
            log.warning(
                "%d connections are open, so idle ones are closed. See connection_limit.",
                len(channels),
            )


def _is_over(since: float | None, allowed: float, now: float) -> bool:
    return since is not None and now - since > allowed
