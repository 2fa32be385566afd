"""A web server of static files: another origin than the provider's."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

TYPES = {".html": "text/html", ".js": "text/javascript", ".json": "application/json"}


class SinglePageServer(ThreadingHTTPServer):
    """Serves what ``files`` names: the content of a path, or a value as JSON."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, Path | Mapping[str, Any]] = {}
        self.origin = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: SinglePageServer

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        content = self.server.files.get(path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        if isinstance(content, Path):
            self.send_header("Content-Type", TYPES[content.suffix])
            body = content.read_bytes()
        else:
            self.send_header("Content-Type", TYPES[".json"])
            body = json.dumps(content).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def serve_single_page() -> Iterator[SinglePageServer]:
    """Serve until the end of the context."""
    with SinglePageServer() as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
