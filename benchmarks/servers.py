"""A server under test, with one client and one user; the peers of Node.js and Python."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests
from joserfc.jwk import RSAKey
from machine import PostgreSQL, free_port

HERE = Path(__file__).parent
PYTHON = Path(sys.executable)
NODE_PACKAGE = HERE / "peers/node/node_modules/oidc-provider/package.json"
REDIRECT_URI = "https://client.example/cb"
USERNAME = "alice"
PASSWORD = "valid"
VERIFIER = "a" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
#: The audience of exchanged tokens.
RESOURCE = "https://orders.example/api"
#: Long enough for every server's rules.
SECRET = "0123456789abcdef0123456789abcdef0123456789abcdef"


@dataclass
class Server:
    """One server under test.

    ``command`` starts it, ``prepare`` makes what it needs before, and ``register`` registers its
    client where only the running server can.
    """

    name: str
    command: list[object]
    environment: dict[str, str]
    port: int
    paths: dict[str, str]
    prepare: Callable[[], None] = lambda: None
    register: Callable[[], None] = lambda: None
    #: Its version, and how it is set up, for the report.
    version: str = ""
    setup: str = ""
    #: Ports of endpoints that have one of their own.
    ports: Mapping[str, int] = field(default_factory=dict)
    #: Its issuer, where that is not its URL.
    issuer: str = ""
    #: Applications that it redirects a user to and nobody serves, by the prefix of their URLs.
    applications: Mapping[str, requests.adapters.BaseAdapter] = field(default_factory=dict)
    client_id: str = "bench"
    #: The client of client_credentials, where one client may not have two grants.
    service_id: str = "bench"
    secret: str = SECRET
    #: Whether it signs a user in by a form post alone.
    posts_login: bool = False
    #: Parameters without which it gives no refresh token.
    offline: dict[str, str] = field(default_factory=dict)
    scope: str = "openid profile"
    #: Whether it gives a new ID token with a refreshed access token.
    refreshes_id_tokens: bool = True
    #: Whether it has access tokens other than JWTs.
    opaque_tokens: bool = True
    #: Whether it is measured at UserInfo, refreshing and the code flow too.
    flows: bool = True
    #: Seconds under load before it is measured at a work.
    warm_up: int = 1

    def __post_init__(self) -> None:
        self.issuer = self.issuer or self.url

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.base()

    def base(self, endpoint: str = "") -> str:
        """Return the scheme, host and port of an endpoint."""
        return f"http://127.0.0.1:{self.ports.get(endpoint, self.port)}"

    def basic(self, client_id: str = "") -> str:
        """The Authorization header of its client."""
        words = f"{client_id or self.client_id}:{self.secret}".encode()
        return "Basic " + base64.b64encode(words).decode()

    def token(self, client_id: str = "", proof: str = "", **form: str) -> dict[str, Any]:
        """Post to its token endpoint, with a DPoP proof or without."""
        return self._post("token", client_id, form, {"DPoP": proof} if proof else {})

    def introspect(self, token: str, client_id: str = "") -> dict[str, Any]:
        """Ask its introspection endpoint about a token."""
        return self._post("introspection", client_id, {"token": token}, {})

    def _post(
        self, endpoint: str, client_id: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        response = requests.post(
            self.base(endpoint) + self.paths[endpoint],
            form,
            headers={"Authorization": self.basic(client_id), **headers},
            timeout=30,
        )
        members: dict[str, Any] = response.json()
        if response.status_code != 200:
            raise RuntimeError(f"{self.name}: {members}")
        return members

    def authorization_path(self, **changes: str) -> str:
        """The path and query of an authorization request; "" leaves a parameter out."""
        return f"{self.paths['authorization']}?{self.authorization_request(**changes)}"

    def authorization_request(self, **changes: str) -> str:
        """The parameters of an authorization request, as a form; "" leaves one out."""
        query = {
            "client_id": self.client_id,
            "response_type": "code",
            "redirect_uri": REDIRECT_URI,
            "scope": self.scope,
            "state": "benchmark-state",
            "nonce": "benchmark-nonce",
            "code_challenge": CHALLENGE.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **changes,
        }
        return urlencode({name: value for name, value in query.items() if value})


def node(
    postgresql: PostgreSQL | None,
    token_format: str,
    *,
    configured_client: bool = False,
    features: bool = False,
) -> Server:
    """node oidc-provider, over PostgreSQL or in its memory.

    :param configured_client: whether PostgreSQL holds all but the client, which is then known from
        the start and cannot be changed.
    :param features: whether it has DPoP and a token exchange; pushed requests it always has.
    """
    port = free_port()
    environment = _environment(port, token_format)
    name = "oidc-provider in memory"
    if postgresql is not None:
        name = "oidc-provider"
        environment["CLIENT_IN"] = "store"
        if configured_client:
            name = "oidc-provider, client configured"
            environment["CLIENT_IN"] = "configuration"
        if features:
            environment["FEATURES"] = RESOURCE
        database = f"node_{token_format}_{environment['CLIENT_IN']}{'_features' * features}"
        environment["DATABASE_URL"] = postgresql.url(postgresql.new_database(database))
    return Server(
        name, ["node", HERE / "peers/node/server.mjs"], environment, port,
        {
            "authorization": "/auth", "token": "/token", "introspection": "/token/introspection",
            "userinfo": "/me", "jwks": "/jwks", "discovery": "/.well-known/openid-configuration",
            "pushed_request": "/request",
        },
        version=json.loads(NODE_PACKAGE.read_text())["version"],
        offline={"scope": "openid profile offline_access", "prompt": "consent"},
        setup="one thread" + (", 10 connections" if postgresql else ""),
    )  # fmt: skip


def flask(postgresql: PostgreSQL, token_format: str) -> Server:
    """Authlib's Flask integration on waitress."""
    port = free_port()
    database = postgresql.new_database(f"flask_{token_format}")
    environment = _environment(port, token_format)
    environment["DATABASE_URL"] = postgresql.url(database, "postgresql+psycopg2")
    return Server(
        "Flask and Authlib", [PYTHON, "-W", "ignore", HERE / "peers/authlib_flask.py"],
        environment, port,
        {
            "authorization": "/authorize", "token": "/token", "introspection": "/introspect",
            "userinfo": "/userinfo", "jwks": "/jwks",
            "discovery": "/.well-known/openid-configuration",
        },
        version=version("authlib"),
        posts_login=True,
        refreshes_id_tokens=False,
        setup="waitress, 16 threads, 16 connections",
    )  # fmt: skip


def django(postgresql: PostgreSQL) -> Server:
    """django-oauth-toolkit on gunicorn, one worker of sixteen threads."""
    port = free_port()
    database = postgresql.new_database("django")
    environment = _environment(port, "opaque") | {
        "RSA_KEY": RSAKey.generate_key(2048).as_pem(private=True).decode(),
        "DATABASE": json.dumps(
            {"NAME": database, "USER": "bench", "HOST": "127.0.0.1", "PORT": postgresql.port}
        ),
        "PYTHONPATH": str(HERE / "peers"),
    }
    return Server(
        "django-oauth-toolkit",
        [PYTHON, "-m", "gunicorn", "--workers", 1, "--threads", 16, "--log-level", "error",
         "--bind", f"127.0.0.1:{port}", "django_toolkit:application"],
        environment, port,
        {
            "authorization": "/o/authorize/", "token": "/o/token/",
            "introspection": "/o/introspect/", "userinfo": "/o/userinfo/",
            "jwks": "/o/.well-known/jwks.json",
            "discovery": "/o/.well-known/openid-configuration",
        },
        prepare=lambda: _run([PYTHON, HERE / "peers/django_toolkit.py"], environment),
        version=version("django-oauth-toolkit"),
        issuer=f"http://127.0.0.1:{port}/o",
        service_id="bench-service",
        posts_login=True,
        setup="gunicorn, one worker, 16 threads, 16 connections; the client's secret in plain text",
    )  # fmt: skip


def _environment(port: int, token_format: str) -> dict[str, str]:
    return {
        "PORT": str(port), "CLIENT_ID": "bench", "CLIENT_SECRET": SECRET,
        "REDIRECT_URI": REDIRECT_URI, "TOKEN_FORMAT": token_format,
    }  # fmt: skip


def _run(command: list[object], environment: dict[str, str]) -> None:
    subprocess.run(list(map(str, command)), check=True, env={**os.environ, **environment})
