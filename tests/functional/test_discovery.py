"""Discovery and the JWK Set: computed, true, and readable by every page."""

from typing import Any

import pytest
from authlib.oidc.discovery import OpenIDProviderMetadata
from support.app import Provider


@pytest.mark.parametrize("name", ["openid-configuration", "oauth-authorization-server"])
def test_both_documents_hold_what_was_selected(provider: Provider, name: str) -> None:
    response = provider.browser().get(f"/.well-known/{name}")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Cache-Control"].startswith("public")
    document = response.json
    assert document["issuer"] == provider.issuer
    for field, path in {
        "authorization_endpoint": "/oauth/authorize", "token_endpoint": "/oauth/token",
        "revocation_endpoint": "/oauth/revoke", "introspection_endpoint": "/oauth/introspect",
        "userinfo_endpoint": "/oauth/userinfo", "jwks_uri": "/oauth/jwks.json",
    }.items():  # fmt: skip
        assert document[field] == provider.issuer + path
    assert "code id_token token" in document["response_types_supported"]
    assert "RS256" in document["id_token_signing_alg_values_supported"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["request_uri_parameter_supported"] is False
    assert set(document["response_modes_supported"]) == {"query", "fragment", "form_post"}
    assert "client_secret_basic" in document["token_endpoint_auth_methods_supported"]


@pytest.mark.parametrize("name", ["openid-configuration", "oauth-authorization-server"])
def test_an_issuer_with_a_path_has_its_document_where_the_standard_looks(
    make_provider: Any, name: str
) -> None:
    """RFC 8414 section 3.1: the issuer's path follows the well-known one."""
    issuer = "https://login.example/tenants/one"
    browser = make_provider(oidc__issuer=issuer).browser()
    document = browser.get(f"/.well-known/{name}/tenants/one").json
    assert document["issuer"] == issuer
    assert document["token_endpoint"] == f"{issuer}/oauth/token"
    assert browser.get(f"/.well-known/{name}").json == document
    browser.get(f"/.well-known/{name}/tenants/two", status=404)


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/nothing",
        "/.well-known/",
        "/.well-known/oauth-authorization-server/other",
        "/.well-known/openid-configuration/other",
        "/.well-known/oauth-authorization-server/oauth/token",
        "/oauth/.well-known/openid-configuration",
    ],
)
def test_another_well_known_path_is_not_found_and_leads_to_no_login(
    provider: Provider, path: str
) -> None:
    """Clients try one after the other."""
    browser = provider.browser()
    response = browser.get(path, status=404)
    assert response.content_type == "application/json"
    assert "Location" not in response.headers


def test_the_document_of_a_production_provider_passes_authlibs_own_validator(
    make_provider: Any,
) -> None:
    provider = make_provider(oidc__issuer="https://login.example")
    document = provider.browser().get("/.well-known/openid-configuration").json
    OpenIDProviderMetadata(document).validate()


def test_an_endpoint_that_is_not_selected_is_neither_promised_nor_there(make_provider: Any) -> None:
    provider = make_provider(oauth__endpoints="authorization token jwks openid_configuration")
    browser = provider.browser()
    document = browser.get("/.well-known/openid-configuration").json
    assert not {"revocation_endpoint", "introspection_endpoint", "userinfo_endpoint"} & set(
        document
    )
    for path in ("/oauth/revoke", "/oauth/introspect", "/oauth/userinfo",
                 "/.well-known/oauth-authorization-server"):  # fmt: skip
        browser.get(path, status=404)


def test_the_keys_are_public_named_and_cacheable(provider: Provider) -> None:
    browser = provider.browser()
    response = browser.get("/oauth/jwks.json")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    keys = response.json["keys"]
    assert {key["alg"] for key in keys} == {"RS256", "ES256", "PS256", "Ed25519", "EdDSA"}
    assert all(key["use"] == "sig" and "d" not in key for key in keys)
    assert len({key["kid"] for key in keys}) == len(keys)
    browser.get("/oauth/jwks.json", headers={"If-None-Match": response.headers["ETag"]}, status=304)


def test_links_are_made_of_the_issuer_and_not_of_the_host(provider: Provider) -> None:
    browser = provider.browser()
    browser.extra_environ["HTTP_HOST"] = "evil.example"
    assert b"evil" not in browser.get("/.well-known/openid-configuration").body
