"""Relying parties on a server, unmodified and in their own process, from login to logout."""

import sys
from pathlib import Path
from typing import Any

import pytest
from support.person import Person
from support.relying_party_process import run_relying_party
from support.requirements import nodejs

HERE = Path(__file__).parent
METHODS = (
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "none",
)


def check(report: dict[str, Any], visits: list[list[str]], method: str, client_id: str) -> None:
    """The result of the walk, the same for each library."""
    subject = report["subject"]
    assert report["userinfo"]["sub"] == subject
    assert report["userinfo"]["preferred_username"] == "alice"
    assert "@" in report["userinfo"]["email"]
    assert report["refresh"] == ""
    assert report["rotated"]
    assert report["userinfo_after_refresh"] == report["userinfo"]
    if method == "none":  # RFC 7662 section 2.1: the caller is authenticated
        assert report["introspection"] is None
    else:
        assert report["introspection"]["active"]
        assert report["introspection"]["sub"] == subject
        assert report["introspection"]["client_id"] == client_id
    assert report["revocation"] == [200, 200]
    assert report["userinfo_after_revocation"] == 401
    assert report["refresh_after_revocation"] == "invalid_grant"
    assert report["subject_again"] == subject
    assert report["userinfo_after_sign_out"] == 401
    assert report["refresh_after_sign_out"] == "invalid_grant"
    assert report["silent_login_after_sign_out"] == "login_required"
    assert report["subject_after_sign_out"] == subject
    # Signed in once, until signed out; prompt=none shows nothing.
    assert visits == [["login", "consent"], ["consent"], [], ["login", "consent"]]


@pytest.mark.parametrize("method", METHODS)
def test_authlib(configuration: dict[str, Any], method: str) -> None:
    command = [sys.executable, str(HERE / "authlib_client.py")]
    with Person() as person:
        report, visits = run_relying_party(command, configuration, person)
    check(report, visits, method, configuration["client_id"])


@pytest.mark.nodejs
@pytest.mark.usefixtures("node_modules")
@pytest.mark.parametrize("method", METHODS)
def test_openid_client(configuration: dict[str, Any], method: str) -> None:
    command = [nodejs() or "", str(HERE / "openid_client.mjs")]
    with Person() as person:
        report, visits = run_relying_party(command, configuration, person)
    check(report, visits, method, configuration["client_id"])
