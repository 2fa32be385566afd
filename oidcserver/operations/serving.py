"""Serving by waitress until SIGTERM; then what has begun is finished, and nothing new begins.

With waitress's own runner ``pserve`` leaves SIGTERM to the system, which ends it in the middle of
requests.
"""

import gc
import logging
import signal
import time
from typing import Any

from waitress import create_server, wasyncore

from oidcserver.operations.connections import (
    ANSWER_BYTES,
    Channel,
    Holdout,
    default_connection_limit,
)
from oidcserver.operations.welcome import welcome

log = logging.getLogger("oidcserver.serving")

#: How long requests may take to end, in seconds: what manages services kills after 30 or more.
PATIENCE = 25
#: Seconds in which a request has to arrive.
REQUEST_TIMEOUT = 30


class CannotListen(Exception):
    """The server cannot listen at its address; the text is a sentence for the operator."""


def serve(app: Any, global_config: Any, **settings: Any) -> None:
    """Serve an application; after SIGTERM return when every request that was read is answered.

    From then on connections are refused, and the idle ones closed. So a request that gets no
    answer was not read, and a proxy may send it to another process.

    The settings are those of waitress, but it polls by default, and ``connection_limit`` is half of
    the files that the process may open, at most 1000.

    :param settings: besides, ``request_timeout``: the seconds in which a request has to arrive.
    :raises CannotListen: if another program listens there, or this process may not.
    """
    told_to_end = False

    def end(number: int, frame: Any) -> None:
        nonlocal told_to_end
        told_to_end = True
        for listener in _listeners(sockets):
            listener.pull_trigger()  # the loop waits no longer

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
            "listens there, or change the address in the server's section of the ini file."
        ) from problem
    for listener in _listeners(sockets):
        listener.channel_class = Channel
        listener.answer_bytes = 0 if "send_bytes" in settings else ANSWER_BYTES
    holdout = Holdout(server.adj.connection_limit, request_timeout)
    # What the start made lives as long as the process: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    server.print_listen("Serving on http://{}:{}")
    welcome(app)

    def turn() -> None:
        """Let each socket that is ready read or write, or wait a second for one."""
        timeout, use_poll = server.adj.asyncore_loop_timeout, server.adj.asyncore_use_poll
        wasyncore.loop(timeout, use_poll, sockets, count=1)
        holdout.check(sockets.values())

    try:
        while not told_to_end:
            turn()
        for listener in _listeners(sockets):
            # Its own close would also end the trigger by which threads say that they are done.
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
    """Whether no request is there, not even in part, and no answer waits to be sent."""
    return connection.is_waiting and not connection.request
