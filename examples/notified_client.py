"""The notification endpoint of a CIBA client in ping mode: ``python notified_client.py PORT``.

It prints each notification, and the bearer token by which the client knows that the provider sent
it (CIBA section 10.2).
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class NotificationEndpoint(BaseHTTPRequestHandler):
    """Answers every notification with 204."""

    def do_POST(self) -> None:
        """Print a notification."""
        notification = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        sys.stdout.write(f"{self.headers['Authorization']} {notification['auth_req_id']}\n")
        sys.stdout.flush()
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), NotificationEndpoint).serve_forever()
