"""An application signs its person out (OpenID Connect RP-Initiated Logout 1.0)."""

from typing import Any

import pytest
from sqlalchemy import select
from support.app import Browser, Provider, RelyingParty

from oidcserver.models import RecordedRejection

AFTER = "https://client.example/after"


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(post_logout_redirect_uris=[AFTER, f"{AFTER}?x=1"])


def sign_in(client: RelyingParty, browser: Browser) -> dict[str, Any]:
    return client.exchange(client.login(browser)["code"])


def is_signed_in(browser: Browser) -> bool:
    return "Hello" in browser.get("/")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_with_a_hint_the_person_is_signed_out_and_sent_back_with_the_state(
    provider: Provider, client: RelyingParty, method: str
) -> None:
    browser = provider.browser()
    tokens = sign_in(client, browser)
    parameters = {
        "id_token_hint": tokens["id_token"], "post_logout_redirect_uri": AFTER, "state": "a b&c",
    }  # fmt: skip
    if method == "GET":
        response = browser.get("/oauth/end_session", parameters)
    else:
        response = browser.post("/oauth/end_session", parameters)
    assert response.status_int == 303
    assert response.location == f"{AFTER}?state=a%20b%26c"
    assert not is_signed_in(browser)
    client.userinfo(tokens["access_token"], status=401)
    answer = client.answer(client.authorize(browser, prompt="none"))
    assert answer["error"] == "login_required"
    again = browser.get("/oauth/end_session", parameters)
    assert again.location == response.location, "again and again without an error"


def test_without_a_state_none_comes_back_and_a_query_is_kept(
    provider: Provider, client: RelyingParty
) -> None:
    for target in (AFTER, f"{AFTER}?x=1"):
        browser = provider.browser()
        hint = sign_in(client, browser)["id_token"]
        parameters = {"id_token_hint": hint, "post_logout_redirect_uri": target}
        assert browser.get("/oauth/end_session", parameters).location == target


def test_without_an_address_to_go_to_a_page_says_that_it_is_done(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    hint = sign_in(client, browser)["id_token"]
    page = browser.get("/oauth/end_session", {"id_token_hint": hint}).follow()
    assert "You are signed out" in page


def test_without_a_hint_the_person_is_asked(provider: Provider, client: RelyingParty) -> None:
    browser = provider.browser()
    sign_in(client, browser)
    page = browser.get("/oauth/end_session").follow()
    assert "Sign out?" in page
    assert is_signed_in(browser)
    assert "You are signed out" in provider.browser().get("/oauth/end_session").follow()


def test_without_a_hint_nobody_goes_anywhere_but_it_is_recorded_why(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    sign_in(client, browser)
    parameters = {"post_logout_redirect_uri": AFTER, "state": "x", "client_id": client.client_id}
    page = browser.get("/oauth/end_session", parameters).follow()
    assert is_signed_in(browser)
    assert "You are signed out" in page.forms["logout"].submit().follow()
    assert not is_signed_in(browser)
    with provider.database() as dbsession:
        recorded = dbsession.scalars(select(RecordedRejection)).one()
        assert "id_token_hint" in recorded.description


def test_a_hint_of_another_person_leads_to_the_question_and_then_to_the_application(
    provider: Provider, client: RelyingParty
) -> None:
    hint = sign_in(client, provider.browser())["id_token"]
    bob = provider.browser()
    bob.sign_in("bob")
    parameters = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER, "state": "a b"}
    page = bob.get("/oauth/end_session", parameters).follow()
    assert "Sign out?" in page
    assert "The Example Application" in page
    assert "https://client.example" in page.headers["Content-Security-Policy"]
    assert is_signed_in(bob)
    assert page.forms["logout"].submit().location == f"{AFTER}?state=a%20b"
    assert not is_signed_in(bob)
    again = bob.get(page.request.url)
    assert "You are signed out" in again
    assert f'href="{AFTER}?state=a%20b"' in again


def test_where_to_go_after_the_question_can_be_neither_made_up_nor_used_for_long(
    provider: Provider, client: RelyingParty, clock: Any
) -> None:
    hint = sign_in(client, provider.browser())["id_token"]
    bob = provider.browser()
    bob.sign_in("bob")
    parameters = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER}
    asked = bob.get("/oauth/end_session", parameters).location
    assert "The Example Application" in bob.get(asked)
    assert "The Example Application" not in bob.get(asked[:-1] + "!")
    assert "The Example Application" not in bob.get("/logout?then=https://evil.example/")
    clock.advance(1801)
    assert "The Example Application" not in bob.get(asked)


def test_a_state_that_is_too_long_to_keep_costs_the_way_back_and_no_more(
    provider: Provider, client: RelyingParty
) -> None:
    hint = sign_in(client, provider.browser())["id_token"]
    bob = provider.browser()
    bob.sign_in("bob")
    parameters = {
        "id_token_hint": hint, "post_logout_redirect_uri": AFTER, "state": "s" * 4000,
    }  # fmt: skip
    page = bob.get("/oauth/end_session", parameters).follow()
    assert "You are signed out" in page.forms["logout"].submit().follow()


def test_a_form_of_another_site_comes_without_cookie_and_signs_out_all_the_same(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    hint = sign_in(client, browser)["id_token"]
    parameters = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER, "state": "a b"}
    again = provider.browser().post("/oauth/end_session", parameters)
    assert again.location.startswith(f"{provider.issuer}/oauth/end_session?")
    assert browser.get(again.location).location == f"{AFTER}?state=a%20b"
    assert not is_signed_in(browser)


def test_an_expired_hint_still_says_who_is_meant(
    provider: Provider, client: RelyingParty, clock: Any
) -> None:
    browser = provider.browser()
    hint = sign_in(client, browser)["id_token"]
    clock.advance(3000)
    parameters = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER}
    assert browser.get("/oauth/end_session", parameters).location == AFTER
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    "changes",
    [
        {"id_token_hint": "forged"},
        {"id_token_hint": "access_token"},
        {"post_logout_redirect_uri": "https://evil.example/"},
        {"post_logout_redirect_uri": f"{AFTER}?y=2"},
        {"post_logout_redirect_uri": f"{AFTER}/"},
        {"post_logout_redirect_uri": "https://client.example/cb"},
        {"client_id": "unknown"},
        {"client_id": "another"},
    ],
)
def test_what_is_not_right_gets_a_page_no_redirect_and_signs_nobody_out(
    make_provider: Any, changes: dict[str, str | None]
) -> None:
    provider = make_provider(oauth__access_token_format="jwt")
    client = provider.register(post_logout_redirect_uris=[AFTER])
    other = provider.register(post_logout_redirect_uris=[AFTER])
    browser = provider.browser()
    tokens = sign_in(client, browser)
    stand_ins = {"forged": tokens["id_token"][:-4] + "AAAA", "another": other.client_id,
                 "access_token": tokens["access_token"]}  # fmt: skip
    parameters = {
        "id_token_hint": tokens["id_token"], "post_logout_redirect_uri": AFTER,
        **{name: stand_ins.get(value or "", value) for name, value in changes.items()},
    }  # fmt: skip
    pairs = {name: value for name, value in parameters.items() if value is not None}
    response = browser.get("/oauth/end_session", pairs, expect_errors=True)
    assert response.status_int == 400
    assert "Location" not in response.headers
    assert response.content_type == "text/html"
    assert is_signed_in(browser)


def test_a_hint_under_the_clients_secret_is_understood_where_the_client_is_named(
    provider: Provider,
) -> None:
    client = provider.register(
        post_logout_redirect_uris=[AFTER], id_token_signed_response_alg="HS256"
    )
    browser = provider.browser()
    hint = sign_in(client, browser)["id_token"]
    parameters = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER}
    assert browser.get("/oauth/end_session", parameters, status=400).status_int == 400
    parameters["client_id"] = client.client_id
    assert browser.get("/oauth/end_session", parameters).location == AFTER


def test_discovery_promises_it_and_it_needs_the_page_that_asks(make_provider: Any) -> None:
    from oidcserver.settings import ConfigurationProblem

    document = make_provider().browser().get("/.well-known/openid-configuration").json
    assert document["end_session_endpoint"].endswith("/oauth/end_session")
    with pytest.raises(ConfigurationProblem, match="needs the page logout"):
        make_provider(oidc__pages="home login consent")
