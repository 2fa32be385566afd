"""Rejections of the authorization endpoint: a page, or an answer to the client."""

import time
from typing import Any

import pytest
from sqlalchemy import select
from support.app import REDIRECT_URI, Provider, RelyingParty, follow_to_answer

from oidcserver.models import AuthorizationCode, RecordedRejection


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(redirect_uris=[REDIRECT_URI, "http://127.0.0.1:3000/cb"])


def refused_with_a_page(response: Any) -> None:
    assert response.status_int == 400
    assert "Location" not in response.headers
    assert response.content_type == "text/html"
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "client_id", [None, "unknown", "\u00e9", "x" * 3000, "'; DROP TABLE client"]
)
def test_an_unknown_client_gets_a_page(
    provider: Provider, client: RelyingParty, client_id: str | None
) -> None:
    response = client.authorize(provider.browser(), client_id=client_id)
    refused_with_a_page(response)


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://client.example/CB", "https://client.example/cb/", "https://client.example/cb?x=1",
        "https://client.example/cb#x", "https://client.example/cb/..;/x", "HTTPS://client.example/cb",
        "https://client.example/%252fcb", "https://client.example%2fcb", "https://Client.example/cb",
        "https://client.example@evil.example/cb", "https://evil.example\\@client.example/cb",
        "https://client.example/cb\t", "https://client.example.evil.example/cb", " " + REDIRECT_URI,
        "https://clientxexample/cb", "https://evil.example/?https://client.example/cb", "/cb", "cb",
        "javascript:alert(1)", "data:text/html,x", "https://client.example/\u00e9", "//a.example",
        "http://127.0.0.1:3000/other", "http://127.0.0.1.evil.example:3000/cb",
        "http://localhost:3000/cb", "https://127.0.0.1:3000/cb", "http://127.0.0.1:x/cb",
        "http://127.0.0.1@evil.example/cb", "http://127.0.0.1:3000/cb#", "http://[::1]:3000/cb",
        "http://evil.example:80#@127.0.0.1:3000/cb", "http://127.0.0.1:99999/cb",
    ],
)  # fmt: skip
def test_a_redirect_uri_that_is_not_the_registered_string_gets_a_page(
    provider: Provider, client: RelyingParty, redirect_uri: str
) -> None:
    refused_with_a_page(client.authorize(provider.browser(), redirect_uri=redirect_uri))


@pytest.mark.parametrize("port", ["", ":1", ":50123"])
def test_only_the_port_of_a_loopback_address_may_differ(
    provider: Provider, client: RelyingParty, port: str
) -> None:
    page = client.authorize(provider.browser(), redirect_uri=f"http://127.0.0.1{port}/cb")
    assert page.status_int == 200
    assert "login" in page.forms


def test_the_port_of_localhost_may_differ_where_the_ini_says_so(make_provider: Any) -> None:
    for setting, status in (("true", 200), ("false", 400)):
        provider = make_provider(oauth__localhost_any_port=setting)
        client = provider.register(
            redirect_uris=["http://localhost/callback"], token_endpoint_auth_method="none"
        )
        asked = "http://localhost:3118/callback"
        page = client.authorize(provider.browser(), redirect_uri=asked)
        assert page.status_int == status
        if status == 200:
            code = client.answer(client.complete(page))["code"]
            assert client.exchange(code, redirect_uri=asked)["access_token"]
    with provider.database() as dbsession:
        received = dbsession.scalars(select(RecordedRejection.received)).one()
    assert received["allowed_by"] == "oauth.localhost_any_port = true"


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_a_repeated_client_id_or_redirect_uri_gets_a_page(
    provider: Provider, client: RelyingParty, name: str
) -> None:
    pairs = [*client.parameters().items(), (name, client.parameters()[name])]
    refused_with_a_page(provider.browser().get("/oauth/authorize", pairs, expect_errors=True))


@pytest.mark.parametrize("name", ["scope", "response_type", "nonce", "code_challenge", "unknown"])
def test_any_other_repeated_parameter_goes_back_to_the_client(
    provider: Provider, client: RelyingParty, name: str
) -> None:
    pairs = [*client.parameters(**{name: "x"}).items(), (name, "y")]
    response = provider.browser().get("/oauth/authorize", pairs)
    answer = client.answer(response)
    assert (answer["error"], answer["state"]) == ("invalid_request", "the-state")
    assert answer["iss"] == provider.issuer


def test_a_repeated_state_is_refused_and_none_comes_back(
    provider: Provider, client: RelyingParty
) -> None:
    pairs = [*client.parameters().items(), ("state", "another")]
    answer = client.answer(provider.browser().get("/oauth/authorize", pairs))
    assert answer["error"] == "invalid_request"
    assert "state" not in answer


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "magic"}, "unsupported_response_type"),
        ({"response_type": 'co"de\\'}, "unsupported_response_type"),
        ({"response_type": "token"}, "unauthorized_client"),
        ({"response_mode": "carrier-pigeon"}, "invalid_request"),
        ({"response_mode": '\u00e9"\\'}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "x" * 42}, "invalid_request"),
        ({"code_challenge": "x" * 129}, "invalid_request"),
        ({"code_challenge": "=" * 43}, "invalid_request"),
        ({"scope": "unheard-of"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "magic"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "\u0661"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://client.example/request"}, "request_uri_not_supported"),
        ({"request_uri": "http://169.254.169.254/"}, "request_uri_not_supported"),
    ],
)
def test_what_is_wrong_beyond_the_redirect_uri_goes_back_to_the_client(
    provider: Provider, client: RelyingParty, changes: dict[str, Any], error: str
) -> None:
    response = client.authorize(provider.browser(), **changes)
    answer = client.answer(response)
    assert answer["error"] == error
    assert (answer["state"], answer["iss"]) == ("the-state", provider.issuer)
    assert set(answer) == {"error", "error_description", "state", "iss"}


def test_a_scope_that_the_client_did_not_register_is_ignored_beside_one_it_did(
    provider: Provider, client: RelyingParty
) -> None:
    code = client.login(provider.browser(), scope="openid phone unheard-of")["code"]
    assert client.exchange(code)["scope"] == "openid"


@pytest.mark.parametrize(
    "state", ["a b+c%20&=#", "\u00e9\u4e2d\U0001f600", "x" * 128, '"><b>', "'--"]
)
def test_the_state_comes_back_to_the_byte(
    provider: Provider, client: RelyingParty, state: str
) -> None:
    assert client.login(provider.browser(), state=state)["state"] == state


def test_a_posted_request_is_like_a_sent_one(provider: Provider, client: RelyingParty) -> None:
    browser = provider.browser()
    response = browser.post("/oauth/authorize", client.parameters())
    assert response.status_int == 303
    assert "code" in client.answer(client.complete(follow_to_answer(response)))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_405_and_say_which_are_not(provider: Provider, method: str) -> None:
    response = provider.browser().request("/oauth/authorize", method=method, status=405)
    assert response.headers["Allow"] == "GET, POST"


def test_no_forged_host_reaches_an_answer(provider: Provider, client: RelyingParty) -> None:
    browser = provider.browser()
    browser.extra_environ["HTTP_HOST"] = "evil.example"
    browser.extra_environ["HTTP_X_FORWARDED_HOST"] = "evil.example"
    response = client.authorize(browser, follow=False)
    assert response.location.startswith(provider.issuer + "/login?")


def test_a_code_is_long_and_random_and_the_database_holds_its_digest_only(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    codes = {client.login(browser, prompt="consent")["code"] for _ in range(3)}
    assert len(codes) == 3
    assert all(len(code) >= 43 for code in codes)
    with provider.database() as dbsession:
        stored = {row.code_digest for row in dbsession.query(AuthorizationCode)}
    assert not codes & stored
    assert len(stored) == 3


def test_prompt_none_answers_silently_where_nothing_is_due(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    page = client.complete(client.authorize(browser))
    assert "code" in client.answer(page)
    answer = client.answer(client.authorize(browser, prompt="none"))
    assert answer["error"] == "consent_required", "the consent was not to be remembered"


def test_prompt_login_and_an_exceeded_max_age_ask_for_the_password_again(
    provider: Provider, client: RelyingParty, clock: Any
) -> None:
    browser = provider.browser()
    client.login(browser)
    assert "login" in client.authorize(browser, prompt="login").forms
    clock.advance(100)
    assert "login" in client.authorize(browser, max_age="99").forms
    assert "login" in client.authorize(browser, max_age="0").forms
    assert "login" not in client.authorize(browser, max_age="1000").forms


def test_an_id_token_tells_the_time_of_the_last_login(
    provider: Provider, client: RelyingParty, clock: Any
) -> None:
    from support.app import decode_id_token

    browser = provider.browser()
    first = client.exchange(client.login(browser)["code"])
    clock.advance(50)
    same = client.exchange(client.login(browser)["code"])
    again = client.exchange(client.login(browser, prompt="login")["code"])
    times = [
        decode_id_token(provider, tokens["id_token"])["auth_time"]
        for tokens in (first, same, again)
    ]
    assert times[0] == times[1]
    assert times[2] >= times[0] + 50
    assert times[2] <= time.time() + 51


def test_form_post_to_what_is_no_page_is_refused_and_not_by_form_post(provider: Provider) -> None:
    client = provider.register(
        application_type="native",
        token_endpoint_auth_method="none",
        redirect_uris=["com.example.app:/cb"],
    )
    response = client.authorize(provider.browser(), response_mode="form_post")
    assert response.location.startswith("com.example.app:/cb?error=invalid_request")
