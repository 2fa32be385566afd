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
from waitress.channel import HTTPChannel

log = logging.getLogger("oidcserver.serving")

#: How long requests may take to end, in seconds: what manages services kills after 30 or more.
PATIENCE = 25
#: Up to so many bytes header and body wait for each other, so that one packet has both.
SEND_BYTES = 16384


def serve(app: Any, global_config: Any, **settings: Any) -> None:
    """Serve an application; after SIGTERM return when every request that was read is answered.

    From then on connections are refused, and the idle ones closed. So a request that gets no
    answer was not read, and a proxy may send it to another process.

    This is a ``paste.server_runner``; the settings are those of waitress, but it polls by default.
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
    server = create_server(app, map=sockets, **{"asyncore_use_poll": "true", **settings})
    server.adj.send_bytes = SEND_BYTES
    # What the start made lives as long as the process: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    server.print_listen("Serving on http://{}:{}")

    def turn() -> None:
        """Let each socket that is ready read or write, or wait a second for one."""
        timeout, use_poll = server.adj.asyncore_loop_timeout, server.adj.asyncore_use_poll
        wasyncore.loop(timeout, use_poll, sockets, count=1)

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


def _connections(sockets: dict[int, Any]) -> list[HTTPChannel]:
    return [each for each in sockets.values() if isinstance(each, HTTPChannel)]


def _is_idle(connection: HTTPChannel) -> bool:
    """Whether no request is there, whole or in part, and no answer waits to be sent."""
    return not (connection.requests or connection.request or connection.total_outbufs_len)
