"""A package that knows public directives alone adds a grant, a method, an endpoint, settings."""

from typing import Any

import pytest
from support.app import DEVELOPMENT, Provider, RelyingParty
from vouchers import make_voucher

from oidcserver import clock
from oidcserver.models import User
from oidcserver.settings import ConfigurationProblem

PLUGIN = {
    "oidcserver__includes": "vouchers header_authentication",
    "voucher__keys": "one-key another-key",
    "oauth__grants": "voucher client_credentials refresh_token",
    "oauth__token_endpoint_auth_methods": "client_secret_basic x_header",
    "oauth__endpoints": "token jwks introspection openid_configuration voucher",
    "oauth__response_types": "",
}


@pytest.fixture
def plugged(make_provider: Any) -> Provider:
    provider: Provider = make_provider(**PLUGIN)
    provider.browser().sign_in("alice")
    return provider


def register(provider: Provider, method: str) -> RelyingParty:
    return provider.register(
        grant_types=["urn:example:voucher"], redirect_uris=[], response_types=[],
        token_endpoint_auth_method=method, scope="profile",
    )  # fmt: skip


def test_its_grant_issues_tokens_for_a_person(plugged: Provider) -> None:
    client = register(plugged, "client_secret_basic")
    voucher = make_voucher("alice", clock.now(), "another-key")
    tokens = client.token(grant_type="urn:example:voucher", voucher=voucher, scope="profile").json
    assert client.introspect(tokens["access_token"])["username"] == "alice"


@pytest.mark.parametrize(
    ("name", "age", "key", "sentence"),
    [
        ("alice", 61, "one-key", "The voucher has expired."),
        ("alice", -5, "one-key", "The voucher has expired."),
        ("alice", 0, "a-third-key", "The voucher is not valid."),
        ("mallory", 0, "one-key", "The voucher is not valid."),
    ],
)
def test_its_grant_rejects_other_vouchers(
    plugged: Provider, name: str, age: int, key: str, sentence: str
) -> None:
    client = register(plugged, "client_secret_basic")
    voucher = make_voucher(name, clock.now() - age, key)
    refused = client.token(grant_type="urn:example:voucher", voucher=voucher, status=400).json
    assert (refused["error"], refused["error_description"]) == ("invalid_grant", sentence)


def test_its_grant_gives_a_disabled_user_nothing(plugged: Provider) -> None:
    client = register(plugged, "client_secret_basic")
    with plugged.database() as dbsession:
        dbsession.query(User).one().disabled_at = 1
    voucher = make_voucher("alice", clock.now(), "one-key")
    refused = client.token(grant_type="urn:example:voucher", voucher=voucher, status=400).json
    assert refused["error"] == "invalid_grant"


def test_a_scope_without_a_client_is_rejected(plugged: Provider) -> None:
    voucher = make_voucher("alice", clock.now(), "one-key")
    form = {"grant_type": "urn:example:voucher", "voucher": voucher, "scope": "profile"}
    answer = plugged.browser().post("/oauth/token", form, status=401)
    assert answer.json["error"] == "invalid_client"


@pytest.mark.parametrize("voucher", ["", "alice", "alice:", "alice:1:", "alice:²:x", "a:b:c"])
def test_its_grant_rejects_what_is_no_voucher(plugged: Provider, voucher: str) -> None:
    client = register(plugged, "client_secret_basic")
    refused = client.token(grant_type="urn:example:voucher", voucher=voucher, status=400)
    assert refused.json["error"] == "invalid_grant"


def test_its_client_authentication_method_authenticates(plugged: Provider) -> None:
    client = register(plugged, "x_header")
    voucher = make_voucher("alice", clock.now(), "one-key")
    form = {"grant_type": "urn:example:voucher", "voucher": voucher}
    headers = {"X-Client": f"{client.client_id}/{client.secret}"}
    assert "access_token" in client.http.post("/oauth/token", form, headers=headers).json
    client.http.post(
        "/oauth/token", form, headers={"X-Client": f"{client.client_id}/x"}, status=401
    )
    client.http.post("/oauth/token", form, headers=client.basic(), status=401)


def test_its_endpoint_setting_and_metadata_are_there(plugged: Provider) -> None:
    browser = plugged.browser()
    assert browser.get("/vouchers").json == {"lifetime": 60}
    document = browser.get("/.well-known/openid-configuration").json
    assert document["voucher_endpoint"] == f"{plugged.issuer}/vouchers"
    assert document["voucher_signing_supported"] is True
    assert "urn:example:voucher" in document["grant_types_supported"]
    assert "x_header" in document["token_endpoint_auth_methods_supported"]


def test_what_is_included_and_not_selected_is_not_there(make_provider: Any) -> None:
    provider = make_provider(oidcserver__includes="vouchers")
    browser = provider.browser()
    browser.get("/vouchers", status=404)
    document = browser.get("/.well-known/openid-configuration").json
    assert not {"voucher_endpoint", "voucher_signing_supported"} & set(document)
    assert "urn:example:voucher" not in document["grant_types_supported"]


def test_an_unknown_name_says_who_offers_what(make_provider: Any) -> None:
    with pytest.raises(ConfigurationProblem, match=r"Did you mean 'voucher'\?") as problem:
        make_provider(**{**PLUGIN, "oauth__grants": "vouchers"})
    assert "vouchers.py:" in str(problem.value)
    assert DEVELOPMENT["oauth.grants"].split()[0] in str(problem.value)
