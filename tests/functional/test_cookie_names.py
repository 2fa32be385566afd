"""The cookies of several providers on one host, which all get sent to each of them."""

from pathlib import Path
from typing import Any

import pytest
from support.app import Browser

from oidcserver.settings import ConfigurationProblem


def names(browser: Browser) -> list[str]:
    return sorted(browser.cookies)


@pytest.mark.parametrize(
    "others_issuer",
    ["http://localhost:7654", "http://localhost", "http://localhost:6543/second"],
)
def test_two_providers_on_one_host_leave_each_others_users_signed_in(
    make_provider: Any, tmp_path: Path, others_issuer: str
) -> None:
    first = make_provider()
    second = make_provider(
        oidc__issuer=others_issuer,
        oidcserver__database_url=f"sqlite:///{tmp_path / 'second.sqlite'}",
    )
    browser, other = first.browser(), second.browser()
    other.cookiejar = browser.cookiejar
    browser.sign_in("alice")
    other.sign_in("bob")
    assert "alice" in browser.get("/")
    assert "bob" in other.get("/")
    other.get("/logout").forms["logout"].submit()
    assert "alice" in browser.get("/")


@pytest.mark.parametrize(
    ("issuer", "prefix"),
    [
        ("https://login.example.com", "__Host-oidcserver_"),
        ("https://login.example.com:8443/a/b-c", "__Host-oidcserver_8443_a_b_c_"),
        ("http://localhost:6543", "oidcserver_6543_"),
    ],
)
def test_the_names_are_made_of_the_issuer(make_provider: Any, issuer: str, prefix: str) -> None:
    provider = make_provider(oidc__issuer=issuer).registry.oidc.provider
    assert provider.cookie_name("session") == f"{prefix}session"


def test_a_setting_names_them(make_provider: Any) -> None:
    browser = make_provider(oidc__cookie_prefix="shop-login").browser()
    browser.sign_in()
    assert all(name.startswith("shop-login_") for name in names(browser))
    assert "shop-login_session" in names(browser)


@pytest.mark.parametrize("prefix", ["a b", "a=b", "a;b", "_a", "ü", "__Host-a", "a" * 65])
def test_a_prefix_that_is_no_name_stops_the_start(make_provider: Any, prefix: str) -> None:
    with pytest.raises(ConfigurationProblem, match="cookie_prefix"):
        make_provider(oidc__cookie_prefix=prefix)
