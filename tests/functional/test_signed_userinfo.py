"""UserInfo as a JWT for the client that registered it (OpenID Connect Core section 5.3.2)."""

from typing import Any

import pytest
from support.app import Provider, RelyingParty, decode_id_token


def tokens_of(client: RelyingParty, provider: Provider) -> dict[str, Any]:
    return client.exchange(client.login(provider.browser())["code"])


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "Ed25519", "EdDSA", "HS256"])
def test_the_claims_are_signed_as_registered(provider: Provider, alg: str) -> None:
    client = provider.register(userinfo_signed_response_alg=alg)
    plain = provider.register()
    response = client.userinfo(tokens_of(client, provider)["access_token"])
    assert response.content_type == "application/jwt"
    assert response.headers["Cache-Control"] == "no-store"
    secret = client.secret if alg == "HS256" else None
    claims = decode_id_token(provider, response.text, alg, secret=secret)
    said = {"iss": provider.issuer, "aud": client.client_id}
    as_json = plain.userinfo(tokens_of(plain, provider)["access_token"])
    assert as_json.content_type == "application/json"
    assert claims == {**as_json.json, **said}


def test_an_error_is_json_all_the_same(provider: Provider) -> None:
    client = provider.register(userinfo_signed_response_alg="RS256")
    assert client.userinfo("unknown", status=401).json["error"] == "invalid_token"


def test_it_is_no_id_token_and_no_hint(provider: Provider) -> None:
    client = provider.register(userinfo_signed_response_alg="RS256")
    browser = provider.browser()
    tokens = client.exchange(client.login(browser)["code"])
    userinfo = client.userinfo(tokens["access_token"]).text
    assert "consent" in client.authorize(browser, id_token_hint=tokens["id_token"]).forms
    answer = client.answer(client.authorize(browser, id_token_hint=userinfo))
    assert answer["error"] == "invalid_request"


def test_discovery_promises_the_algorithms_with_the_endpoint(
    provider: Provider, make_provider: Any
) -> None:
    name = "userinfo_signing_alg_values_supported"
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert document[name] == document["id_token_signing_alg_values_supported"]
    assert "RS256" in document[name]
    without = make_provider(oauth__endpoints="authorization token jwks openid_configuration")
    document = without.browser().get("/.well-known/openid-configuration").json
    assert not [name for name in document if name.startswith("userinfo")]
