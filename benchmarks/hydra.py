"""Ory Hydra over PostgreSQL, with a stand-in for the login and consent application it requires."""

import os
import subprocess
from urllib.parse import parse_qs, urlsplit

import builds
import requests
from joserfc.jwk import RSAKey
from machine import PostgreSQL, free_port
from servers import REDIRECT_URI, SECRET, USERNAME, Server

NAME = "Ory Hydra"
LOGIN, CONSENT = "https://accounts.example/login", "https://accounts.example/consent"


class Accounts(requests.adapters.BaseAdapter):
    """The login and consent application: accepts everything through the administrative API."""

    def __init__(self, admin: str) -> None:
        super().__init__()
        self.requests = f"{admin}/admin/oauth2/auth/requests"

    def send(self, request: requests.PreparedRequest, **_options: object) -> requests.Response:
        """Accept the login or consent request that the URL names; redirect back."""
        parts = urlsplit(request.url or "")
        kind = parts.path.rpartition("/")[2]
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        accepted: dict[str, object] = {"subject": USERNAME, "remember": True}
        if kind == "consent":
            asked = requests.get(f"{self.requests}/consent", query, timeout=30).json()
            accepted = {"grant_scope": asked["requested_scope"], "remember": True}
        answer = requests.put(
            f"{self.requests}/{kind}/accept", json=accepted, params=query, timeout=30
        )
        answer.raise_for_status()
        response = requests.Response()
        response.status_code, response.url, response.request = 302, request.url or "", request
        response.headers["Location"] = answer.json()["redirect_to"]
        response._content = b""
        return response

    def close(self) -> None:
        """There is nothing to close."""


def hydra(postgresql: PostgreSQL, token_format: str) -> Server:
    """Ory Hydra in production mode: HTTPS issuer, TLS left to a proxy, telemetry off.

    Introspection is part of the administrative API, which listens on a port of its own and asks for
    no authentication. A client's secret is hashed with one iteration of PBKDF2: the default of
    25,000 at each request would measure nothing but that hash. Its RSA keys have 2048 bits, as all
    others here; it would make some of 4096.

    :raises MissingToolError: without Go 1.21.
    """
    program = builds.hydra()
    port, admin = free_port(), free_port()
    database = postgresql.new_database(f"hydra_{token_format}")
    environment = {
        # By default it keeps one idle connection a CPU, and closes and opens the others again.
        "DSN": postgresql.url(database, "postgres")
        + "?sslmode=disable&max_conns=16&max_idle_conns=16",
        "SERVE_PUBLIC_HOST": "127.0.0.1", "SERVE_PUBLIC_PORT": str(port),
        "SERVE_ADMIN_HOST": "127.0.0.1", "SERVE_ADMIN_PORT": str(admin),
        "URLS_SELF_ISSUER": f"https://127.0.0.1:{port}",
        "URLS_SELF_PUBLIC": f"http://127.0.0.1:{port}",
        "URLS_LOGIN": LOGIN, "URLS_CONSENT": CONSENT,
        "SECRETS_SYSTEM": SECRET,
        "STRATEGIES_ACCESS_TOKEN": token_format,
        "OAUTH2_HASHERS_PBKDF2_ITERATIONS": "1",
        "LOG_LEVEL": "warn",
    }  # fmt: skip
    server = Server(
        NAME, [program, "serve", "all", "--sqa-opt-out"], environment, port,
        {
            "authorization": "/oauth2/auth", "token": "/oauth2/token",
            "introspection": "/admin/oauth2/introspect", "jwks": "/.well-known/jwks.json",
            "discovery": "/.well-known/openid-configuration",
        },
        version=builds.hydra_version(),
        ports={"introspection": admin},
        issuer=environment["URLS_SELF_ISSUER"],
        applications={"https://accounts.example/": Accounts(f"http://127.0.0.1:{admin}")},
        flows=False,
        setup="one CPU, 16 connections; one iteration of PBKDF2 for the client's secret; "
        "RSA keys of 2048 bits; introspection without client authentication, on the administrative "
        "port",
    )  # fmt: skip

    def prepare() -> None:
        subprocess.run(
            [program, "migrate", "sql", "up", "--read-from-env", "--yes"],
            env={**os.environ, **environment}, check=True, capture_output=True,
        )  # fmt: skip

    def register() -> None:
        client = {
            "client_id": server.client_id, "client_secret": SECRET,
            "redirect_uris": [REDIRECT_URI], "response_types": ["code"],
            "grant_types": ["authorization_code", "client_credentials", "refresh_token"],
            "scope": "openid profile email offline_access",
        }  # fmt: skip
        calls = [("POST", "clients", client)]
        for key_set in ("hydra.openid.id-token", "hydra.jwt.access-token"):
            key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
            calls.append(("PUT", f"keys/{key_set}", {"keys": [key.as_dict(private=True)]}))
        for method, path, body in calls:
            requests.request(
                method, f"http://127.0.0.1:{admin}/admin/{path}", json=body, timeout=30
            ).raise_for_status()

    server.prepare, server.register = prepare, register
    return server
