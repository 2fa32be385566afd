"""Keycloak over PostgreSQL, with a realm of one client and one user."""

import json
import os
import subprocess
from pathlib import Path

import builds
from machine import PostgreSQL, free_port
from servers import PASSWORD, REDIRECT_URI, SECRET, USERNAME, Server

NAME = "Keycloak"
REALM = {
    "realm": "bench",
    "enabled": True,
    "clients": [
        {
            "clientId": "bench",
            "secret": SECRET,
            "redirectUris": [REDIRECT_URI],
            "serviceAccountsEnabled": True,
            # Only a client that a token is for may introspect it.
            "protocolMappers": [
                {
                    "name": "audience",
                    "protocol": "openid-connect",
                    "protocolMapper": "oidc-audience-mapper",
                    "config": {
                        "included.client.audience": "bench",
                        "access.token.claim": "true",
                        "introspection.token.claim": "true",
                    },
                }
            ],
        }
    ],
    "users": [
        {
            "username": USERNAME,
            "enabled": True,
            "email": "alice@example.com",
            "emailVerified": True,
            "firstName": "Alice",
            "lastName": "Example",
            "credentials": [{"type": "password", "value": PASSWORD}],
        }
    ],
}


def keycloak(postgresql: PostgreSQL, work: Path, token_format: str) -> Server:
    """Keycloak in production mode, optimized for PostgreSQL, with plain HTTP enabled.

    Its access tokens are RS256 JWTs in every realm.

    :raises MissingToolError: without Java 17 or Maven.
    """
    script = builds.keycloak()
    port = free_port()
    name = f"keycloak_{token_format}"
    database = postgresql.new_database(name)
    environment = {
        "KC_DB_URL": f"jdbc:postgresql://127.0.0.1:{postgresql.port}/{database}",
        "KC_DB_USERNAME": "bench",
        "KC_DB_POOL_INITIAL_SIZE": "16", "KC_DB_POOL_MIN_SIZE": "16", "KC_DB_POOL_MAX_SIZE": "16",
        "KC_HTTP_ENABLED": "true", "KC_HTTP_HOST": "127.0.0.1", "KC_HTTP_PORT": str(port),
        "KC_HTTP_POOL_MAX_THREADS": "16",
        "KC_HOSTNAME": f"http://127.0.0.1:{port}",
        # One process has nobody to share a distributed cache with.
        "KC_CACHE": "local",
        "KC_LOG_LEVEL": "warn",
    }  # fmt: skip
    protocol = "/realms/bench/protocol/openid-connect"

    def prepare() -> None:
        realm = work / f"{name}.json"
        realm.write_text(json.dumps(REALM))
        subprocess.run(
            [script, "import", "--optimized", "--file", realm],
            env={**os.environ, **environment}, check=True, capture_output=True,
        )  # fmt: skip

    return Server(
        NAME, [script, "start", "--optimized"], environment, port,
        {
            "authorization": f"{protocol}/auth", "token": f"{protocol}/token",
            "introspection": f"{protocol}/token/introspect", "jwks": f"{protocol}/certs",
            "discovery": "/realms/bench/.well-known/openid-configuration",
        },
        prepare=prepare,
        version=f"{builds.KEYCLOAK_VERSION} on Java {builds.java_version()}",
        issuer=f"http://127.0.0.1:{port}/realms/bench",
        opaque_tokens=False,
        warm_up=45,
        flows=False,
        setup="16 threads, 16 connections, at most 512 MiB of heap; local caches; "
        "45 seconds of warm-up before each work",
    )  # fmt: skip
