"""Signing in at providers of other people, signing out there, and hearing of it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from support.builds import keycloak
from support.fleet import Fleet
from support.person import Form
from support.processes import free_port, wait_until_it_listens
from support.requirements import nodejs
from support.site_process import serve_site
from support.two_providers import (
    LocalPerson,
    Upstream,
    is_signed_in,
    is_signed_out_in_time,
    sign_in,
    sign_out,
    told_to_an_application,
    walk,
)

pytestmark = pytest.mark.interoperability
HERE = Path(__file__).parent
SECRET = "the-secret-of-this-test"


@contextmanager
def connected(
    directory: Path, keys_directory: Path, port: int, upstream: Upstream, **options: object
) -> Iterator[Fleet]:
    """Our provider, with the other one as its upstream."""
    values = {
        "issuer": upstream.issuer,
        "client_id": "we",
        "client_secret": SECRET,
        "allow_registration": "true",
        "username_claim": "preferred_username",
        "logout": "always",
        "backchannel_logout": "true",
        **options,
    }
    settings = {
        "oidc.upstreams": "other",
        **{f"oidc.upstream.other.{name}": value for name, value in values.items()},
        "oidc.scope_claims": "groups: groups",
        "oidc.user_directory": "database",
    }
    url = f"sqlite:///{directory / 'test.sqlite'}"
    with Fleet(directory, 1, url, keys_directory, ports=(port,), **settings) as fleet:
        yield fleet


def run_through(fleet: Fleet, upstream: Upstream) -> None:
    """Sign in, and out: once from our side and once from the other."""
    with LocalPerson() as person:
        page = sign_in(person, fleet, upstream, "other")
        assert page.status_code == 200, page.text
        assert is_signed_in(person, fleet)
        claims = told_to_an_application(person, fleet)
        assert claims["preferred_username"] == "ada"
        assert (claims["email"], claims["email_verified"]) == ("ada@example.com", True)
        assert claims["groups"] == ["shop"]

        page = sign_out(person, fleet, upstream)
        assert page.url == f"{fleet.issuer}/logout"
        assert "You are signed out" in page.text
        assert not is_signed_in(person, fleet)

        sign_in(person, fleet, upstream, "other")
        assert is_signed_in(person, fleet)
        walk(person, upstream, upstream.end_session)
        assert is_signed_out_in_time(person, fleet), fleet.logs()


def uris(issuer: str) -> dict[str, str]:
    """The URLs that docs/upstream.md says to register there."""
    base = f"{issuer}/login/upstream/other"
    return {
        "redirect": f"{base}/callback",
        "post_logout": f"{base}/logged-out",
        "backchannel": f"{base}/backchannel-logout",
    }


def fill_in_node_oidc_provider(forms: dict[str, Form]) -> tuple[Form, dict[str, str]] | None:
    for name, form in forms.items():
        if name == "op.logoutForm":
            return form, {"logout": "yes"}
        if form.fields.get("prompt") == "login":
            return form, {"login": "ada", "password": "any"}
        if form.fields.get("prompt") == "consent":
            return form, {}
    return None


@pytest.mark.nodejs
@pytest.mark.usefixtures("node_modules")
def test_node_oidc_provider(tmp_path: Path, keys_directory: Path) -> None:
    port, own = free_port(), free_port()
    issuer, registered = f"http://127.0.0.1:{port}", uris(f"http://127.0.0.1:{own}")
    client = {
        "client_id": "we",
        "client_secret": SECRET,
        "redirect_uris": [registered["redirect"]],
        "post_logout_redirect_uris": [registered["post_logout"]],
        "backchannel_logout_uri": registered["backchannel"],
        "backchannel_logout_session_required": True,
    }
    program = [nodejs() or "", str(HERE / "node" / "oidc_provider.mjs")]
    upstream = Upstream(issuer, f"{issuer}/session/end", fill_in_node_oidc_provider)
    with (
        serve_site(program, {"port": port, "issuer": issuer, "client": client}),
        connected(
            tmp_path, keys_directory, own, upstream,
            scopes="openid profile email teams", groups_claims="teams", groups="app-* = *",
        ) as fleet,
    ):  # fmt: skip
        run_through(fleet, upstream)


def fill_in_keycloak(forms: dict[str, Form]) -> tuple[Form, dict[str, str]] | None:
    for form in forms.values():
        if "session_code" in form.fields:
            return form, {"confirmLogout": "Logout"}
        if "password" in form.fields:
            return form, {"username": "ada", "password": "ada's password"}
    return None


@contextmanager
def serve_keycloak(directory: Path, realm: dict[str, Any]) -> Iterator[str]:
    """Serve Keycloak in development mode with one realm; its issuer."""
    port, log = free_port(), directory / "keycloak.log"
    base = f"http://127.0.0.1:{port}"
    command = [
        "sh", str(keycloak() / "bin" / "kc.sh"), "start-dev", "--db=dev-mem",
        "--http-host=127.0.0.1", f"--http-port={port}", "--bootstrap-admin-username=root",
        f"--bootstrap-admin-password={SECRET}",
    ]  # fmt: skip
    with log.open("w") as output:
        # The script starts Java: both are of one group, which ends together.
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        try:
            wait_until_it_listens(process, port, log, 600)
            form = {
                "grant_type": "password", "client_id": "admin-cli", "username": "root",
                "password": SECRET,
            }  # fmt: skip
            tokens = ask("POST", f"{base}/realms/master/protocol/openid-connect/token", data=form)
            headers = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
            ask("POST", f"{base}/admin/realms", json=realm, headers=headers)
            yield f"{base}/realms/{realm['realm']}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


def ask(method: str, url: str, **options: Any) -> requests.Response:
    response = requests.request(method, url, timeout=120, **options)
    assert response.status_code in {200, 201}, response.text
    return response


@pytest.mark.java
def test_keycloak(tmp_path: Path, keys_directory: Path) -> None:
    own = free_port()
    registered = uris(f"http://127.0.0.1:{own}")
    mapper = {
        "name": "groups",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-group-membership-mapper",
        "config": {
            "claim.name": "groups", "full.path": "true", "id.token.claim": "true",
            "userinfo.token.claim": "true", "access.token.claim": "false",
        },
    }  # fmt: skip
    realm = {
        "realm": "test",
        "enabled": True,
        "sslRequired": "none",
        "groups": [{"name": "app-shop"}, {"name": "secret"}],
        "users": [
            {
                "username": "ada", "enabled": True, "email": "ada@example.com",
                "emailVerified": True, "firstName": "Ada", "lastName": "Lovelace",
                "groups": ["/app-shop", "/secret"],
                "credentials": [{"type": "password", "value": "ada's password"}],
            }
        ],
        "clients": [
            {
                "clientId": "we", "secret": SECRET, "redirectUris": [registered["redirect"]],
                "standardFlowEnabled": True, "publicClient": False,
                "protocolMappers": [mapper],
                "attributes": {
                    "post.logout.redirect.uris": registered["post_logout"],
                    "backchannel.logout.url": registered["backchannel"],
                    "backchannel.logout.session.required": "true",
                },
            }
        ],
    }  # fmt: skip
    with serve_keycloak(tmp_path, realm) as issuer:
        upstream = Upstream(issuer, f"{issuer}/protocol/openid-connect/logout", fill_in_keycloak)
        with connected(tmp_path, keys_directory, own, upstream, groups="/app-* = *") as fleet:
            run_through(fleet, upstream)
