"""Guesses of strangers do not lock users out of the browsers in which they sign in."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.app import Browser, Provider
from support.processes import write_ini

from oidcserver.cli import main

pytestmark = pytest.mark.both_databases

LOCKED = "or were tried too often; in that case wait 15 minutes"


@pytest.fixture
def settings(provider_url: str, keys_directory: Path) -> dict[str, Any]:
    return {
        "oidcserver__database_url": provider_url,
        "oidcserver__keys_directory": str(keys_directory),
        "oidc__user_directory": "database",
        "oidc__login_attempts": "3",
        "oidc__login_attempts_per_name": "6",
    }


@pytest.fixture
def ini(tmp_path: Path, settings: dict[str, Any]) -> Path:
    return write_ini(tmp_path / "test.ini", 6543, **settings)


@pytest.fixture
def provider(make_provider: Any, settings: dict[str, Any], ini: Path) -> Provider:
    users(ini, "create", "alice", "--password-stdin", stdin="right password\n")
    provider: Provider = make_provider(**settings)
    return provider


def users(ini: Path, command: str, *words: str, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(main, ["users", command, str(ini), *words], input=stdin)
    assert result.exit_code == 0, result.output
    return result


def browser_at(provider: Provider, address: str) -> Browser:
    browser = provider.browser()
    browser.extra_environ["REMOTE_ADDR"] = address
    return browser


def sign_out(browser: Browser) -> None:
    browser.post("/logout", {"csrf_token": browser.get("/logout").forms[0]["csrf_token"].value})


def guess(provider: Provider, address: str, times: int) -> None:
    for _ in range(times):
        page = browser_at(provider, address).sign_in("alice", "guessed", status=403)
        assert LOCKED in page


def test_where_a_user_signed_in_before_the_right_password_works(provider: Provider) -> None:
    own = browser_at(provider, "192.0.2.1")
    own.sign_in("alice", "right password", status=303)
    sign_out(own)
    for number in range(1, 4):  # also from the user's own network
        guess(provider, f"192.0.2.{number}", 3)
    assert LOCKED in browser_at(provider, "192.0.2.9").sign_in(
        "alice", "right password", status=403
    )
    own.sign_in("alice", "right password", status=303)


def test_such_a_browser_has_the_limit_of_one_network(provider: Provider) -> None:
    own = browser_at(provider, "192.0.2.1")
    own.sign_in("alice", "right password", status=303)
    sign_out(own)
    for _ in range(3):
        own.sign_in("alice", "guessed", status=403)
    own.sign_in("alice", "right password", status=403)


def test_such_a_browser_cannot_have_passwords_hashed_without_end(
    make_provider: Any, settings: dict[str, Any], ini: Path
) -> None:
    users(ini, "create", "alice", "--password-stdin", stdin="right password\n")
    provider = make_provider(**settings, oidc__login_attempts_per_address="2")
    own = browser_at(provider, "192.0.2.1")
    own.sign_in("alice", "right password", status=303)
    sign_out(own)
    for _ in range(3):
        own.sign_in("alice", "guessed", status=403)
    statuses = [own.sign_in("alice", "guessed", status="*").status_int for _ in range(4)]
    assert statuses[-1] == 429


def test_a_browser_knows_only_who_signed_in_there(provider: Provider, ini: Path) -> None:
    users(ini, "create", "mallory", "--password-stdin", stdin="own password\n")
    thief = browser_at(provider, "192.0.2.1")
    thief.sign_in("mallory", "own password", status=303)
    sign_out(thief)
    guess(provider, "192.0.2.1", 3)
    thief.sign_in("alice", "right password", status=403)


def test_a_forged_cookie_makes_no_browser_known(provider: Provider) -> None:
    guess(provider, "192.0.2.1", 3)
    thief = browser_at(provider, "192.0.2.1")
    thief.set_cookie(provider.registry.oidc.provider.cookie_name("known"), "forged")
    thief.sign_in("alice", "right password", status=403)


@pytest.mark.parametrize(
    ("command", "password"),
    [(("unlock", "alice"), "right password"),
     (("set-password", "alice", "--password-stdin"), "battery staple")],
)  # fmt: skip
def test_an_operator_unlocks_a_user(
    provider: Provider, ini: Path, command: tuple[str, ...], password: str
) -> None:
    for number in range(3):
        guess(provider, f"192.0.2.{number}", 3)
    users(ini, *command, stdin="battery staple\n")
    browser_at(provider, "192.0.2.1").sign_in("alice", password, status=303)


def test_unlock_says_whether_there_was_anything_to_do(provider: Provider, ini: Path) -> None:
    assert "No failed sign-ins of alice are counted." in users(ini, "unlock", "alice").stdout
    guess(provider, "192.0.2.1", 1)
    assert "Unlocked alice." in users(ini, "unlock", "alice").stdout
