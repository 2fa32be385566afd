"""A client's own host on loopback, from which the provider fetches."""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ClientHost:
    """Serves ``documents`` by path; ``requests`` holds what was asked for, in order.

    While ``may_answer`` is not set, whoever asks waits.
    """

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.headers: Mapping[str, str] = {}
        self.status = 200
        self.requests: list[str] = []
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.requests.append(self.path)
                host.asked.set()
                host.may_answer.wait(10)
                body = host.body(self.path)
                self.send_response(host.status if body is not None else 404)
                for name, value in host.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def body(self, path: str) -> bytes | None:
        """Return what is served at a path."""
        return self.documents.get(path)

    def publish(self, path: str, document: bytes | str) -> str:
        """Serve a document; return its URL."""
        self.documents[path] = document.encode() if isinstance(document, str) else document
        return self.origin + path

    def close(self) -> None:
        """Stop."""
        self.may_answer.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class JWKSHost(ClientHost):
    """Serves ``document``, as it is at that moment, at ``uri``: the client's jwks_uri."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {"keys": []}
        super().__init__()
        self.uri = f"{self.origin}/jwks.json"

    def body(self, path: str) -> bytes | None:
        """Return the JWK Set."""
        return json.dumps(self.document).encode()
