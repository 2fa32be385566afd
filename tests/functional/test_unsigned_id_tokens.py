"""ID tokens that nobody signed, if the ini selects them (OpenID Connect Core section 2)."""

import json
from typing import Any

import pytest
from joserfc.util import urlsafe_b64decode
from support.app import Provider, RelyingParty

from oidcserver.clients.problems import InvalidClientMetadata

ALGORITHMS = "id_token_signing_alg_values_supported"
UNSIGNED = {"id_token_signed_response_alg": "none"}


@pytest.fixture
def selected(make_provider: Any) -> Provider:
    provider: Provider = make_provider(oidc__unsigned_id_tokens="true")
    return provider


def promised(provider: Provider, name: str) -> list[str]:
    document = provider.browser().get("/.well-known/openid-configuration").json
    values: list[str] = document[name]
    return values


def test_they_are_not_offered_unless_selected(provider: Provider) -> None:
    assert "none" not in promised(provider, ALGORITHMS)
    with pytest.raises(InvalidClientMetadata):
        provider.register(**UNSIGNED)


def test_a_client_of_the_code_flow_that_registered_for_it_gets_one(selected: Provider) -> None:
    assert "none" in promised(selected, ALGORITHMS)
    assert "none" not in promised(selected, "userinfo_signing_alg_values_supported")
    client = selected.register(**UNSIGNED)
    id_token = client.exchange(client.login(selected.browser())["code"])["id_token"]
    header, claims, signature = id_token.split(".")
    assert json.loads(urlsafe_b64decode(header.encode())) == {"alg": "none"}
    assert signature == ""
    read = json.loads(urlsafe_b64decode(claims.encode()))
    assert (read["aud"], read["nonce"]) == (client.client_id, "the-nonce")
    assert "at_hash" not in read, "the algorithm names no hash"
    other = selected.register()
    assert other.exchange(other.login(selected.browser())["code"])["id_token"].split(".")[2]


def test_nobody_gets_one_where_they_are_not_selected_any_more(
    selected: Provider, make_provider: Any
) -> None:
    registered = selected.register(**UNSIGNED)
    later = make_provider()
    client = RelyingParty(later, registered.client, registered.secret)
    answer = client.exchange(client.login(later.browser())["code"], status=400)
    assert answer["error"] == "server_error"
    assert "id_token" not in answer


@pytest.mark.parametrize("response_type", ["id_token", "code id_token", "id_token token"])
def test_none_goes_through_the_front_channel(selected: Provider, response_type: str) -> None:
    with pytest.raises(InvalidClientMetadata) as refused:
        selected.register(
            **UNSIGNED,
            grant_types=["authorization_code", "implicit"],
            response_types=["code", response_type],
        )
    assert refused.value.field == "id_token_signed_response_alg"


def test_it_is_no_hint_since_anybody_can_write_one(selected: Provider) -> None:
    client = selected.register(**UNSIGNED)
    browser = selected.browser()
    hint = client.exchange(client.login(browser)["code"])["id_token"]
    answer = client.answer(client.authorize(browser, id_token_hint=hint))
    assert answer["error"] == "invalid_request"
