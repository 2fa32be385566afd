"""Mistakes in the settings of LDAP that depend on the package. The others are in mistakes.py."""

from types import SimpleNamespace
from typing import Any

import pytest

from oidcserver.accounts.ldap import SETTINGS, rules
from oidcserver.oidc.claim_types import claim_lines

RIGHT: dict[str, Any] = {
    **{name: default for name, _, default, _ in SETTINGS},
    "oidc.claims": claim_lines("badge: number\nplaces: list\ndesk: object"),
    "oidc.user_directory": "ldap",
    "oidcserver.mode": "production",
    "oidc.ldap_url": ("ldap://127.0.0.1:389", "ldap://[::1]"),
    "oidc.ldap_starttls": False,
    "oidc.ldap_base": "dc=example,dc=com",
}


def problem(**change: Any) -> str | None:
    """Return the problem of right settings with a change."""
    settings = {**RIGHT, **{f"oidc.ldap_{name}": value for name, value in change.items()}}
    names = (
        "name", "given_name", "family_name", "email", "email_verified", "updated_at", "address",
        "badge", "places", "desk",
    )  # fmt: skip
    provider = SimpleNamespace(settings=settings, claim_names=dict.fromkeys(names))
    registry: Any = SimpleNamespace(oidc=SimpleNamespace(provider=provider), settings={})
    return rules.ldap_problem(registry)


def test_without_the_package_the_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "find_spec", lambda name: None)
    assert "pip install 'oidcserver[ldap]'" in (problem() or "")


@pytest.mark.parametrize("name", ["base", "group_base", "bind_dn"])
def test_a_dn_is_one(name: str) -> None:
    pytest.importorskip("ldap", reason="OpenLDAP's server and python-ldap is not installed")
    password = {"bind_password": "x"} if name == "bind_dn" else {}
    sentence = problem(**{name: "example.com"}, **password) or ""
    assert f"oidc.ldap_{name} = 'example.com' is not a DN" in sentence
    assert problem(**{name: "ou=a\\,b,dc=example"}, **password) is None


@pytest.mark.parametrize("claim", ["address", "desk", "updated_at"])
def test_a_claim_that_no_attribute_has_stops_the_start(claim: str) -> None:
    sentence = problem(claims=(f"{claim}=x",)) or ""
    assert f"no attribute can have a value of the claim '{claim}'" in sentence


def test_claims_of_other_types_are_read() -> None:
    pytest.importorskip("ldap", reason="OpenLDAP's server and python-ldap is not installed")
    assert problem(claims=("badge=a", "places=b", "email_verified=c", "name=d")) is None
