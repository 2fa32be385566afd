"""Sign in, allow, redeem the code (RFC 6749 section 4.1, OpenID Connect Core section 3.1)."""

from typing import Any

import pytest
from support.app import REDIRECT_URI, Provider, RelyingParty, decode_id_token

pytestmark = pytest.mark.both_databases


def test_the_whole_flow_signs_a_person_in(provider: Provider) -> None:
    client = provider.register()
    answer = client.login(provider.browser())
    assert set(answer) == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("the-state", provider.issuer)
    tokens = client.exchange(answer["code"])
    assert tokens["token_type"] == "Bearer"
    assert tokens["scope"] == "openid profile"
    assert tokens["expires_in"] == 600
    claims = decode_id_token(provider, tokens["id_token"])
    assert claims["aud"] == client.client_id
    assert claims["nonce"] == "the-nonce"
    assert claims["amr"] == ["pwd"]
    assert {"iss", "sub", "exp", "iat", "auth_time", "acr", "at_hash"} <= set(claims)
    assert "name" not in claims, "claims of scopes come from UserInfo where there is a token"
    person = client.userinfo(tokens["access_token"]).json
    assert person["sub"] == claims["sub"]
    assert person["preferred_username"] == "alice"


def test_an_id_token_names_the_session_for_clients_that_can_sign_out(provider: Provider) -> None:
    """``sid`` is for end_session and the logout channels; other clients have no use for it."""
    plain = provider.register()
    signing_out = provider.register(post_logout_redirect_uris=["https://client.example/out"])
    for client, present in ((plain, False), (signing_out, True)):
        tokens = client.exchange(client.login(provider.browser())["code"])
        assert ("sid" in decode_id_token(provider, tokens["id_token"])) is present


def test_the_token_response_is_not_kept_by_anyone(provider: Provider) -> None:
    client = provider.register()
    code = client.login(provider.browser())["code"]
    response = client.token(
        grant_type="authorization_code", code=code, redirect_uri=REDIRECT_URI,
        code_verifier=client.verifier,
    )  # fmt: skip
    assert response.headers["Cache-Control"] == "no-store"
    assert response.content_type == "application/json"


def test_a_second_request_of_one_session_needs_neither_password_nor_consent_again(
    provider: Provider,
) -> None:
    client, browser = provider.register(), provider.browser()
    page = client.authorize(browser)
    form = page.forms["login"]
    form["username"], form["password"] = "alice", "valid"
    from support.app import follow_to_answer

    consent = follow_to_answer(form.submit()).forms["consent"]
    consent["remember"] = True
    first = client.answer(follow_to_answer(consent.submit("decision", value="allow")))
    second = client.answer(client.authorize(browser))
    assert first["code"] != second["code"]


@pytest.mark.parametrize("alg", ["RS256", "ES256", "PS256", "Ed25519", "EdDSA"])
def test_the_id_token_is_signed_as_the_client_registered(provider: Provider, alg: str) -> None:
    client = provider.register(id_token_signed_response_alg=alg)
    tokens = client.exchange(client.login(provider.browser())["code"])
    claims = decode_id_token(provider, tokens["id_token"], alg)
    assert claims["nonce"] == "the-nonce"


def test_the_id_token_is_signed_with_the_secret_where_the_client_registered_hs256(
    provider: Provider,
) -> None:
    client = provider.register(id_token_signed_response_alg="HS256")
    tokens = client.exchange(client.login(provider.browser())["code"])
    claims = decode_id_token(provider, tokens["id_token"], "HS256", secret=client.secret)
    assert claims["aud"] == client.client_id


def test_a_request_without_openid_gives_no_id_token(provider: Provider) -> None:
    client = provider.register()
    tokens = client.exchange(client.login(provider.browser(), scope="profile")["code"])
    assert "id_token" not in tokens


def test_an_id_token_without_nonce_where_none_was_sent(provider: Provider) -> None:
    client = provider.register()
    tokens = client.exchange(client.login(provider.browser(), nonce=None)["code"])
    assert "nonce" not in decode_id_token(provider, tokens["id_token"])


def test_a_public_client_redeems_with_its_verifier_alone(provider: Provider) -> None:
    client = provider.register(token_endpoint_auth_method="none")
    tokens = client.exchange(client.login(provider.browser())["code"])
    assert "access_token" in tokens


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register()


def test_a_code_works_once_and_its_reuse_ends_what_it_gave(
    provider: Provider, client: RelyingParty
) -> None:
    code = client.login(provider.browser())["code"]
    tokens = client.exchange(code)
    assert client.exchange(code, status=400)["error"] == "invalid_grant"
    client.userinfo(tokens["access_token"], status=401)
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"


def test_reuse_is_found_after_the_code_has_expired_too(
    provider: Provider, client: RelyingParty, clock: Any
) -> None:
    code = client.login(provider.browser())["code"]
    tokens = client.exchange(code)
    clock.advance(120)
    assert client.exchange(code, status=400)["error"] == "invalid_grant"
    client.userinfo(tokens["access_token"], status=401)


def test_an_expired_code_is_refused(provider: Provider, client: RelyingParty, clock: Any) -> None:
    code = client.login(provider.browser())["code"]
    clock.advance(61)
    assert client.exchange(code, status=400)["error"] == "invalid_grant"


def test_another_clients_code_is_refused_and_the_owners_still_works(
    provider: Provider, client: RelyingParty
) -> None:
    other = provider.register()
    code = client.login(provider.browser())["code"]
    assert other.exchange(code, code_verifier=client.verifier, status=400)["error"] == (
        "invalid_grant"
    )
    assert "access_token" in client.exchange(code)


@pytest.mark.parametrize(
    "redirect_uri", [None, "https://client.example/cb2", "https://evil.example"]
)
def test_the_redirect_uri_has_to_be_the_one_of_the_request(
    provider: Provider, client: RelyingParty, redirect_uri: str | None
) -> None:
    code = client.login(provider.browser())["code"]
    assert client.exchange(code, redirect_uri=redirect_uri, status=400)["error"] == "invalid_grant"
    assert "access_token" in client.exchange(code), "a refused attempt leaves the code usable"


@pytest.mark.parametrize(
    ("verifier", "error"),
    [
        (None, "invalid_grant"),
        ("w" * 43, "invalid_grant"),
        ("v" * 42, "invalid_request"),
        ("v" * 129, "invalid_request"),
        ("v" * 42 + "!", "invalid_request"),
    ],
)
def test_a_verifier_that_does_not_fit_is_refused(
    provider: Provider, client: RelyingParty, verifier: str | None, error: str
) -> None:
    code = client.login(provider.browser())["code"]
    assert client.exchange(code, code_verifier=verifier, status=400)["error"] == error


def test_a_verifier_nobody_asked_for_is_refused(provider: Provider) -> None:
    client = provider.register()
    plain: dict[str, Any] = {"code_challenge": None, "code_challenge_method": None}
    code = client.login(provider.browser(), **plain)["code"]
    assert client.exchange(code, status=400)["error"] == "invalid_grant"
    assert "access_token" in client.exchange(code, code_verifier=None)


def test_the_code_of_a_person_disabled_meanwhile_is_refused(
    provider: Provider, client: RelyingParty
) -> None:
    from oidcserver.models import User

    code = client.login(provider.browser())["code"]
    with provider.database() as dbsession:
        dbsession.query(User).update({User.disabled_at: 1})
    assert client.exchange(code, status=400)["error"] == "invalid_grant"


def test_an_hs256_client_whose_secret_has_expired_gets_a_clear_error(provider: Provider) -> None:
    client = provider.register(
        id_token_signed_response_alg="HS256",
        grant_types=["authorization_code", "implicit"],
        response_types=["code id_token", "code"],
    )
    with provider.database() as dbsession:
        dbsession.merge(client.client).secret_expires_at = 1
    answer = client.login(provider.browser(), response_type="code id_token")
    assert answer["error"] == "server_error"
    assert "code" not in answer
