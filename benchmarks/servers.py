"""What is measured: the provider and its peers, each a process with one client and one person."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import mechanicalsoup
import requests
from joserfc.jwk import RSAKey
from machine import PostgreSQL, free_port

HERE = Path(__file__).parent
ROOT = HERE.parent
PYTHON = Path(sys.executable)
REDIRECT_URI = "https://client.example/cb"
USERNAME = "alice"
PASSWORD = "valid"
VERIFIER = "a" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())
#: Long enough for every server's rules.
SECRET = "0123456789abcdef0123456789abcdef0123456789abcdef"


@dataclass
class Server:
    """One server under test. ``command`` starts it; ``prepare`` makes what it needs before."""

    name: str
    command: list[object]
    environment: dict[str, str]
    port: int
    paths: dict[str, str]
    prepare: Callable[[], None] = lambda: None
    client_id: str = "bench"
    #: The client of client_credentials, where one client may not have two grants.
    service_id: str = "bench"
    secret: str = SECRET
    #: Whether it signs a person in by a form post alone.
    posts_login: bool = False
    #: Parameters without which it gives no refresh token.
    offline: dict[str, str] = field(default_factory=dict)
    scope: str = "openid profile"
    #: Whether it gives a new ID token with a refreshed access token.
    refreshes_id_tokens: bool = True

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def basic(self, client_id: str = "") -> str:
        """The Authorization header of its client."""
        words = f"{client_id or self.client_id}:{self.secret}".encode()
        return "Basic " + base64.b64encode(words).decode()

    def token(self, **form: str) -> dict[str, str]:
        """Post to its token endpoint."""
        response = requests.post(
            self.url + self.paths["token"],
            form,
            headers={"Authorization": self.basic()},
            timeout=30,
        )
        members: dict[str, str] = response.json()
        if response.status_code != 200:
            raise RuntimeError(f"{self.name}: {members}")
        return members

    def authorization_path(self, **changes: str) -> str:
        """The path and query of an authorization request; "" leaves a parameter out."""
        query = {
            "client_id": self.client_id,
            "response_type": "code",
            "redirect_uri": REDIRECT_URI,
            "scope": self.scope,
            "state": "state",
            "nonce": "nonce",
            "code_challenge": CHALLENGE.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **changes,
        }
        sent = {name: value for name, value in query.items() if value}
        return f"{self.paths['authorization']}?{urlencode(sent)}"


class Destination(requests.adapters.BaseAdapter):
    """Stands for the client, whose redirect URI nobody serves."""

    def send(self, request: requests.PreparedRequest, **_options: object) -> requests.Response:
        """Answer with an empty page."""
        response = requests.Response()
        response.status_code, response.url, response.request = 200, request.url or "", request
        response._content = b""
        return response

    def close(self) -> None:
        """There is nothing to close."""


class Person:
    """A person with a browser, who signs in and consents wherever that is asked."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.browser = mechanicalsoup.StatefulBrowser()
        self.browser.session.mount(REDIRECT_URI, Destination())
        if server.posts_login:
            self.browser.session.post(server.url + "/login", {"username": USERNAME}, timeout=30)

    def authorize(self, **changes: str) -> dict[str, str]:
        """Go through an authorization request; return the tokens."""
        page = self.browser.open(self.server.url + self.server.authorization_path(**changes))
        for _ in range(5):
            if page.url.startswith(REDIRECT_URI):
                code = parse_qs(urlsplit(page.url).query)["code"][0]
                return self.server.token(
                    grant_type="authorization_code", code=code, redirect_uri=REDIRECT_URI,
                    code_verifier=VERIFIER,
                )  # fmt: skip
            page = self._fill_in()
        raise RuntimeError(f"{self.server.name} does not come to an end: {page.url} {page.text}")

    def _fill_in(self) -> requests.Response:
        form = self.browser.select_form(self.browser.page.select("form[method=post]")[-1])
        for field_ in form.form.select("input[type=text]"):
            form.set(field_["name"], USERNAME)
        for field_ in form.form.select("input[type=password]"):
            form.set(field_["name"], PASSWORD)
        if form.form.select("input[name=remember]"):
            form.set("remember", True)
        if form.form.select("button[name=decision]"):
            form.choose_submit(form.form.select_one("button[value=allow]"))
        response: requests.Response = self.browser.submit_selected()
        return response

    @property
    def cookie(self) -> str:
        """The Cookie header of the browser now."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.browser.session.cookies)


def oidcserver(postgresql: PostgreSQL, work: Path, token_format: str, database: str = "") -> Server:
    """This provider, as ``pserve`` runs it; its database is named after its token format."""
    port = free_port()
    name = f"oidcserver_{database or token_format}"
    folder = work / name
    folder.mkdir()
    ini = folder / "provider.ini"
    url = postgresql.url(postgresql.new_database(name), "postgresql+psycopg2")
    ini.write_text(
        (HERE / "oidcserver.ini").read_text().format(
            issuer=f"http://127.0.0.1:{port}", database_url=url, port=port,
            keys=folder / "keys",
            token_format="jwt" if token_format == "jwt" else "sealed",
        )
    )  # fmt: skip
    server = Server(
        "oidcserver", [PYTHON.parent / "pserve", ini], {}, port,
        {
            "authorization": "/oauth/authorize", "token": "/oauth/token",
            "introspection": "/oauth/introspect", "userinfo": "/oauth/userinfo",
            "jwks": "/oauth/jwks.json", "discovery": "/.well-known/openid-configuration",
        },
        offline={"scope": "openid profile offline_access"},
    )  # fmt: skip

    def prepare() -> None:
        command = PYTHON.parent / "oidcserver"
        subprocess.run([command, "initdb", ini], check=True, capture_output=True)
        made = subprocess.run(
            [command, "clients", "create", ini, "--name", "Benchmark", "--json",
             "--redirect-uri", REDIRECT_URI, "--response-type", "code",
             "--grant-type", "authorization_code", "--grant-type", "client_credentials",
             "--grant-type", "refresh_token", "--scope", "openid profile email offline_access"],
            check=True, capture_output=True,
        )  # fmt: skip
        client = json.loads(made.stdout)
        server.client_id = server.service_id = client["client_id"]
        server.secret = client["client_secret"]

    server.prepare = prepare
    return server


def node(
    postgresql: PostgreSQL | None, token_format: str, *, configured_client: bool = False
) -> Server:
    """node oidc-provider, over PostgreSQL or in its memory.

    :param configured_client: whether PostgreSQL holds all but the client, which is then known from
        the start and cannot be changed.
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
        database = f"node_{token_format}_{environment['CLIENT_IN']}"
        environment["DATABASE_URL"] = postgresql.url(postgresql.new_database(database))
    return Server(
        name, ["node", HERE / "peers/node/server.mjs"], environment, port,
        {
            "authorization": "/auth", "token": "/token", "introspection": "/token/introspection",
            "userinfo": "/me", "jwks": "/jwks", "discovery": "/.well-known/openid-configuration",
        },
        offline={"scope": "openid profile offline_access", "prompt": "consent"},
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
        posts_login=True,
        refreshes_id_tokens=False,
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
        service_id="bench-service",
        posts_login=True,
    )  # fmt: skip


def _environment(port: int, token_format: str) -> dict[str, str]:
    return {
        "PORT": str(port), "CLIENT_ID": "bench", "CLIENT_SECRET": SECRET,
        "REDIRECT_URI": REDIRECT_URI, "TOKEN_FORMAT": token_format,
    }  # fmt: skip


def _run(command: list[object], environment: dict[str, str]) -> None:
    subprocess.run(list(map(str, command)), check=True, env={**os.environ, **environment})
