"""Tokens from the authorization endpoint (RFC 6749 section 4.2, OpenID Connect Core 3.2, 3.3)."""

import pytest
from support.app import Provider, RelyingParty, decode_id_token

from oidcserver.keys.jwt import half_hash

pytestmark = pytest.mark.both_databases

ALL = ["code", "token", "id_token", "id_token token", "code id_token", "code token",
       "code id_token token"]  # fmt: skip


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    grants = ["authorization_code", "implicit", "refresh_token"]
    return provider.register(grant_types=grants, response_types=ALL)


@pytest.mark.parametrize("response_type", ALL[1:])
def test_the_response_holds_what_its_type_names_in_the_fragment(
    provider: Provider, client: RelyingParty, response_type: str
) -> None:
    page = client.authorize(provider.browser(), response_type=response_type)
    response = client.complete(page)
    assert "#" in response.location
    assert "?" not in response.location
    answer = client.answer(response)
    asked = response_type.split()
    assert ("code" in answer) == ("code" in asked)
    assert ("access_token" in answer) == ("token" in asked)
    assert ("id_token" in answer) == ("id_token" in asked)
    assert (answer["state"], answer["iss"]) == ("the-state", provider.issuer)
    assert "refresh_token" not in answer
    if "token" in asked:
        assert (answer["token_type"], answer["expires_in"]) == ("Bearer", "600")
        assert client.userinfo(answer["access_token"]).json["preferred_username"] == "alice"
    if "id_token" in asked:
        claims = decode_id_token(provider, answer["id_token"])
        assert claims["nonce"] == "the-nonce"
        assert ("at_hash" in claims) == ("token" in asked)
        assert ("c_hash" in claims) == ("code" in asked)
        if "code" in asked:
            assert claims["c_hash"] == half_hash(answer["code"], "RS256")
        if "token" in asked:
            assert claims["at_hash"] == half_hash(answer["access_token"], "RS256")
        assert ("preferred_username" in claims) == (response_type == "id_token")
    if "code" in asked:
        tokens = client.exchange(answer["code"])
        assert decode_id_token(provider, tokens["id_token"])["nonce"] == "the-nonce"


@pytest.mark.parametrize("response_type", ["id_token", "id_token token", "code id_token"])
def test_an_id_token_needs_a_nonce(
    provider: Provider, client: RelyingParty, response_type: str
) -> None:
    response = client.authorize(provider.browser(), response_type=response_type, nonce=None)
    assert "#" in response.location
    assert client.answer(response)["error"] == "invalid_request"


def test_an_id_token_needs_the_scope_openid(provider: Provider, client: RelyingParty) -> None:
    response = client.authorize(provider.browser(), response_type="id_token", scope="profile")
    assert client.answer(response)["error"] == "invalid_request"


def test_tokens_never_travel_in_a_query(provider: Provider, client: RelyingParty) -> None:
    response = client.authorize(provider.browser(), response_type="token", response_mode="query")
    assert "#error=invalid_request" in response.location


def test_a_refusal_travels_as_the_answer_would_and_keeps_the_state(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    browser.sign_in()
    page = client.authorize(browser, response_type="code id_token")
    response = page.forms["consent"].submit("decision", value="deny").follow()
    assert "#" in response.location
    answer = client.answer(response)
    assert (answer["error"], answer["state"]) == ("access_denied", "the-state")
    assert answer["iss"] == provider.issuer


@pytest.mark.parametrize("response_type", ALL)
def test_form_post_carries_any_answer_in_a_form_without_a_script_of_its_own(
    provider: Provider, client: RelyingParty, response_type: str
) -> None:
    browser = provider.browser()
    state = '"><script>alert(1)</script>&quot;'
    page = client.authorize(
        browser, response_type=response_type, response_mode="form_post", state=state
    )
    response = client.complete(page)
    assert response.status_int == 200
    form = response.forms[0]
    assert form.method.upper() == "POST"
    assert form.action == client.client.redirect_uris[0]
    assert form["state"].value == state
    assert b"<script>alert" not in response.body
    policy = response.headers["Content-Security-Policy"]
    assert "form-action" not in policy, "where the client redirects to is the client's business"
    assert "unsafe-inline" not in policy
    assert response.headers["Cache-Control"] == "no-store"
