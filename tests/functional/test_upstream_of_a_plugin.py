"""An upstream that a package offers by ``config.add_upstream``, and offers that cannot be used."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import identity_service
import pytest
from support.app import Provider
from support.upstream import Upstream

from oidcserver.cli.configuration import explanation
from oidcserver.keys.jwt import CLIENT_ALGORITHMS
from oidcserver.settings import ConfigurationProblem


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    upstream = Upstream()
    monkeypatch.setattr(identity_service, "ISSUER", upstream.issuer)
    upstream.claims = {"aud": "product"}
    yield upstream
    upstream.close()


def test_users_sign_in_at_the_upstream_of_a_package(
    make_provider: Any, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPANY_SECRET", "the secret of the product")
    provider: Provider = make_provider(
        oidcserver__includes="identity_service",
        oidc__upstreams="company",
        oidc__scope_claims="groups: groups",
        company__secret="env:COMPANY_SECRET",
    )
    upstream.userinfo = {"mail": "ada@company.example", "name": "Ada", "groups": ["Employees"]}
    browser = provider.browser()
    page = browser.get("/login")
    assert "Continue with Company account" in page
    browser.get(upstream.answer_url(page.forms["upstream-company"].submit()))
    client = provider.register(scope="openid profile email groups")
    scope = "openid profile email groups"
    answer = client.answer(client.complete(client.authorize(browser, scope=scope)))
    claims = client.userinfo(client.exchange(answer["code"])["access_token"]).json
    assert (claims["name"], claims["email"]) == ("Ada", "ada@company.example")
    assert claims["groups"] == ["staff"]
    assert "the secret of the product" not in str(explanation(provider.registry))


def test_what_is_not_selected_has_no_button(make_provider: Any, upstream: Upstream) -> None:
    browser = make_provider(oidcserver__includes="identity_service").browser()
    assert "Company account" not in browser.get("/login")
    browser.get("/login/upstream/company/callback?state=x", status=404)


def test_the_defaults_are_those_of_the_settings(make_provider: Any, upstream: Upstream) -> None:
    options = {"issuer": upstream.issuer, "client_id": "we", "token_endpoint_auth_method": "none"}
    provider: Provider = make_provider(
        oidcserver__includes="functional.test_upstream_of_a_plugin",
        oidc__upstreams="offered declared",
        **{f"oidc__upstream.declared.{name}": value for name, value in options.items()},
    )
    upstreams = provider.registry.oidc.provider.upstreams
    offered, declared = upstreams["offered"], upstreams["declared"]
    assert replace(declared, name="offered", label="Other") == offered
    assert offered.algorithms == CLIENT_ALGORITHMS
    assert offered.claims["email_verified"] == "email_verified"


def includeme(config: Any) -> None:
    """Offer an upstream with the necessary options alone."""
    config.add_upstream(
        "offered",
        issuer=identity_service.ISSUER,
        client_id="we",
        label="Other",
        token_endpoint_auth_method="none",
    )


OFFER = {"issuer": "https://id.example", "client_id": "we", "client_secret": "s", "label": "Other"}


@pytest.fixture
def start(make_provider: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # the file changes within a second
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def start(**options: object) -> str:
        (tmp_path / "offering_plugin.py").write_text(
            "def includeme(config):\n"
            f"    config.add_upstream('other', **{ {**OFFER, **options}!r})\n"
        )
        sys.modules.pop("offering_plugin", None)
        with pytest.raises(ConfigurationProblem) as problem:
            make_provider(oidcserver__includes="offering_plugin", oidc__upstreams="other")
        return str(problem.value)

    yield start
    sys.modules.pop("offering_plugin", None)


def test_an_offer_that_cannot_be_used_stops_the_start(start: Callable[..., str]) -> None:
    for options, sentence in (
        ({"color": "blue"}, "cannot be made: "),
        ({"issuer": "ftp://id.example"}, "has the issuer 'ftp://id.example'"),
        ({"issuer": "https://id.example/{tenantid}"}, "so it needs a discovery_url"),
        (
            {
                "issuer": "https://id.example/{tenantid}",
                "discovery_url": "https://id.example/.well-known/openid-configuration",
                "linking": "verified_email",
            },
            "has linking = verified_email for every tenant",
        ),
        ({"client_secret": ""}, "has no client_secret for client_secret_basic"),
        ({"logout": "ask"}, "has logout = ask: it takes none, offer, always"),
        ({"algorithms": ("HS256",)}, "has algorithms = HS256"),
        ({"groups": {"a": "b*"}}, "has a group 'a' = 'b*'"),
    ):
        said = start(**options)
        assert "The upstream 'other'" in said
        assert sentence in said
