"""This provider, from the working tree or from another source tree."""

import json
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from machine import PostgreSQL, free_port
from servers import PYTHON, REDIRECT_URI, RESOURCE, TOKEN_EXCHANGE, Server

ROOT = Path(__file__).parents[1]
FEATURES = f"""\
oauth.endpoints =
    authorization token revocation introspection userinfo end_session jwks openid_configuration
    pushed_authorization_request
oauth.sender_constraints = dpop
oauth.token_exchange_rules = bench {RESOURCE} delegation
"""


@dataclass(frozen=True)
class Tree:
    """A source tree of this provider, and the Python in which it is installed."""

    root: Path = ROOT
    python: Path = PYTHON

    @property
    def database_scheme(self) -> str:
        """The scheme of PostgreSQL URLs for the driver that its requirements installed."""
        found = subprocess.run(
            [self.python, "-c", "import psycopg"], check=False, capture_output=True
        )
        return "postgresql" if found.returncode == 0 else "postgresql+psycopg2"


def oidcserver(
    postgresql: PostgreSQL,
    work: Path,
    token_format: str,
    database: str = "",
    tree: Tree = Tree(),
    *,
    features: bool = False,
) -> Server:
    """This provider, as ``pserve`` runs it.

    :param features: whether pushed requests, DPoP and token exchange are selected, too.
    """
    port = free_port()
    name = f"oidcserver_{database or token_format}{'_features' * features}"
    folder = work / name
    folder.mkdir()
    ini = folder / "provider.ini"
    url = postgresql.url(postgresql.new_database(name), tree.database_scheme)
    ini.write_text(
        (tree.root / "benchmarks/oidcserver.ini").read_text().format(
            issuer=f"http://127.0.0.1:{port}", database_url=url, port=port,
            keys=folder / "keys",
            token_format="jwt" if token_format == "jwt" else "sealed",
            grants="token_exchange" if features else "", features=FEATURES if features else "",
        )
    )  # fmt: skip
    server = Server(
        "oidcserver", [tree.python.parent / "pserve", ini], {}, port,
        {
            "authorization": "/oauth/authorize", "token": "/oauth/token",
            "introspection": "/oauth/introspect", "userinfo": "/oauth/userinfo",
            "jwks": "/oauth/jwks.json", "discovery": "/.well-known/openid-configuration",
            "pushed_request": "/oauth/par",
        },
        version=version("oidcserver"),
        offline={"scope": "openid profile offline_access"},
        setup="waitress, 16 threads, 16 connections",
    )  # fmt: skip

    def prepare() -> None:
        command = tree.python.parent / "oidcserver"
        subprocess.run([command, "initdb", ini], check=True, capture_output=True)
        made = subprocess.run(
            [command, "clients", "create", ini, "--name", "Benchmark", "--json",
             "--redirect-uri", REDIRECT_URI, "--response-type", "code",
             "--grant-type", "authorization_code", "--grant-type", "client_credentials",
             "--grant-type", "refresh_token", "--scope", "openid profile email offline_access",
             "--client-id", "bench", *(["--grant-type", TOKEN_EXCHANGE] if features else [])],
            check=True, capture_output=True,
        )  # fmt: skip
        client = json.loads(made.stdout)
        server.client_id = server.service_id = client["client_id"]
        server.secret = client["client_secret"]

    server.prepare = prepare
    return server
