"""Serves by waitress until SIGTERM; then answers the requests that have begun, and ends.

With waitress's own runner, SIGTERM ends ``pserve`` in the middle of requests.
"""

import gc
import logging
import signal
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any

from waitress import create_server, wasyncore

from oidcserver.http.client_certificate import keep_peer
from oidcserver.operations.connections import (
    ANSWER_BYTES,
    Channel,
    Holdout,
    default_connection_limit,
)
from oidcserver.operations.welcome import welcome

log = logging.getLogger("oidcserver.serving")

#: Seconds that requests may take after SIGTERM. Service managers kill after 30 or more.
PATIENCE = 25
#: Seconds in which a request has to arrive.
REQUEST_TIMEOUT = 30


class CannotListen(Exception):
    """The server cannot listen at its address; the text is a sentence for the operator."""


def serve(app: Any, global_config: Mapping[str, str], **settings: Any) -> None:
    """Serve an application; after SIGTERM return when every request that was read is answered.

    From then on the server accepts no connections and closes idle ones. A request without an answer
    was not read, so a proxy may send it to another process.

    :param app: a WSGI application.
    :param settings: those of waitress, which polls by default here and whose ``connection_limit``
        is half of the files that the process may open, at most 1000; and ``request_timeout``, the
        seconds in which a request has to arrive.
    :raises CannotListen: if another program listens at the address, or this process may not.
    """
    ending = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal ending
        ending = True
        for listener in _listeners(sockets):
            listener.pull_trigger()  # wakes the loop

    logging.basicConfig()  # unless the ini file configures it
    sockets: dict[int, Any] = {}
    signal.signal(signal.SIGTERM, end)
    request_timeout = int(settings.pop("request_timeout", REQUEST_TIMEOUT))
    defaults = {"asyncore_use_poll": "true", "connection_limit": default_connection_limit()}
    try:
        server = create_server(app, map=sockets, **{**defaults, **settings})
    except OSError as problem:
        place = " ".join(settings.get(name, "") for name in ("listen", "host", "port")).strip()
        raise CannotListen(
            f"The server cannot listen at {place}: {problem.strerror}. Stop the program that "
            "listens there, or change the address in the server's section of the ini file; in "
            "development, change the port in oidc.issuer too."
        ) from problem
    for listener in _listeners(sockets):
        if server.adj.trusted_proxy:
            listener.application = keep_peer(listener.application)
        listener.channel_class = Channel
        listener.answer_bytes = 0 if "send_bytes" in settings else ANSWER_BYTES
    holdout = Holdout(server.adj.connection_limit, request_timeout)
    # The objects made so far live as long as the process: the collector need not check them again.
    gc.collect()
    gc.freeze()
    server.print_listen("Serving on http://{}:{}")
    welcome(app, [int(listener.effective_port) for listener in _listeners(sockets)])

    def turn() -> None:
        """Let each socket that is ready read or write, or wait a second for one."""
        timeout, use_poll = server.adj.asyncore_loop_timeout, server.adj.asyncore_use_poll
        wasyncore.loop(timeout, use_poll, sockets, count=1)
        holdout.check(sockets.values())

    try:
        while not ending:
            turn()
        for listener in _listeners(sockets):
            # The listener's own close would also close the trigger that the threads use.
            wasyncore.dispatcher.close(listener)
        deadline = time.monotonic() + PATIENCE
        while connections := _connections(sockets):
            if time.monotonic() > deadline:
                log.warning("%d requests are cut off after %d s", len(connections), PATIENCE)
                break
            for connection in filter(_is_idle, connections):
                connection.will_close = True
            turn()
    finally:
        server.task_dispatcher.shutdown(timeout=1)
        wasyncore.close_all(sockets)


def _listeners(sockets: dict[int, Any]) -> list[Any]:
    return [each for each in sockets.values() if each.accepting]


def _connections(sockets: dict[int, Any]) -> list[Channel]:
    return [each for each in sockets.values() if isinstance(each, Channel)]


def _is_idle(connection: Channel) -> bool:
    """Whether there is no request, not even a part of one, and no answer waits to be sent."""
    return connection.is_waiting and not connection.request
