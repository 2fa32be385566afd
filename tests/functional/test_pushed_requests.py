"""Pushed authorization requests (RFC 9126): pushed, opened once, and answered."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select
from support.app import (
    REDIRECT_URI,
    Browser,
    Provider,
    RelyingParty,
    decode_id_token,
    follow_to_answer,
)
from support.dpop import ProofKey
from support.pushing import ENDPOINTS, post, push, rejected_with_a_page, visit

from oidcserver.models import SuspendedRequest
from oidcserver.models.suspended_request import REQUEST_URI_PREFIX

pytestmark = pytest.mark.both_databases

UNKNOWN = "The request_uri of this sign-in is not known here."
FINISHED = "The request_uri of this sign-in was used before."
EXPIRED = "The request_uri of this sign-in has expired."
LIFETIME, INTERACTION, WINDOW = 60, 1800, 10


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(oauth__endpoints=ENDPOINTS)
    return made


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register()


@pytest.fixture
def browser(provider: Provider) -> Browser:
    return provider.browser()


def test_a_pushed_request_is_answered(client: RelyingParty, browser: Browser) -> None:
    """The suite's par-without-duplicate-parameters."""
    response = client.post("/oauth/par", **client.parameters(scope="openid email"), status=201)
    assert response.content_type == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json["expires_in"] == LIFETIME
    reference = response.json["request_uri"].removeprefix(REQUEST_URI_PREFIX)
    assert len(reference) >= 43
    page = visit(client, browser, response.json["request_uri"])
    assert len(page.request.url) < 300
    answer = client.answer(client.complete(page))
    assert (answer["state"], answer["iss"]) == ("the-state", client.provider.issuer)
    assert client.exchange(answer["code"])["scope"] == "openid email"


def test_each_request_has_a_reference_of_its_own(client: RelyingParty) -> None:
    assert len({push(client) for _ in range(5)}) == 5


@pytest.mark.parametrize(
    "beside",
    [
        {"scope": "openid profile email"}, {"redirect_uri": "https://evil.example/cb"},
        {"state": "another"}, {"nonce": "another"}, {"prompt": "none"}, {"max_age": "soon"},
        {"response_type": "token"}, {"response_mode": "form_post"}, {"claims": "{"},
        {"code_challenge": "x"}, {"request": "x"}, {"login_hint": "x" * 4000}, {"scope": ""},
    ],
)  # fmt: skip
def test_parameters_beside_the_reference_are_ignored(
    client: RelyingParty, browser: Browser, beside: dict[str, str]
) -> None:
    """The suite's ensure-different-nonce-inside-and-outside-request-object and its siblings."""
    page = visit(client, browser, push(client, scope="openid"), **beside)
    answer = client.answer(client.complete(page))
    assert answer["state"] == "the-state"
    assert client.exchange(answer["code"])["scope"] == "openid"


def test_a_state_that_is_only_beside_the_reference_is_not_returned(
    client: RelyingParty, browser: Browser
) -> None:
    page = visit(client, browser, push(client, state=None, nonce=None), state="x", nonce="x")
    assert "state" not in client.answer(client.complete(page))


def test_a_form_of_the_clients_site_may_post_the_reference(
    client: RelyingParty, browser: Browser
) -> None:
    """The browser keeps its cookies from such a form: a GET follows, with the reference alone."""
    browser.sign_in()
    stranger = client.provider.browser()
    more = dict.fromkeys(("state", "nonce", "login_hint"), "x" * 4000)
    form = {"client_id": client.client_id, "request_uri": push(client), **more}
    response = stranger.post("/oauth/authorize", form)
    assert response.status_int == 303
    assert len(response.location) < 250
    page = follow_to_answer(browser.get(response.location))
    assert client.answer(client.complete(page))["state"] == "the-state"


def test_it_may_be_opened_twice_before_the_sign_in(client: RelyingParty, browser: Browser) -> None:
    """The suite's par-ensure-reused-request-uri-prior-to-auth-completion-succeeds."""
    request_uri = push(client)
    assert "login" in visit(client, browser, request_uri).forms
    page = visit(client, browser, request_uri)
    assert "code" in client.answer(client.complete(page))


def test_a_user_who_takes_five_minutes_gets_there(
    client: RelyingParty, browser: Browser, clock: Any
) -> None:
    """The lifetime of a pushed request bounds the first visit only."""
    request_uri = push(client)
    clock.advance(LIFETIME - 10)
    page = visit(client, browser, request_uri)
    clock.advance(300)
    page = client.complete(page)
    assert "code" in client.answer(page)


def test_an_expired_one_gets_a_page_before_anybody_signs_in(
    client: RelyingParty, browser: Browser, clock: Any
) -> None:
    """The suite's par-attempt-to-use-expired-request_uri."""
    request_uri = push(client)
    clock.advance(LIFETIME)
    rejected_with_a_page(visit(client, browser, request_uri), EXPIRED)
    browser.sign_in()
    rejected_with_a_page(visit(client, browser, request_uri), EXPIRED)


@pytest.mark.parametrize("signed_in", [True, False])
def test_a_used_one_gets_a_page_before_anybody_signs_in(
    client: RelyingParty, browser: Browser, clock: Any, signed_in: bool
) -> None:
    request_uri = push(client)
    client.complete(visit(client, browser, request_uri))
    clock.advance(WINDOW)
    if not signed_in:
        browser.get("/logout").forms["logout"].submit()
    rejected_with_a_page(visit(client, browser, request_uri), FINISHED)


def test_one_whose_code_was_redeemed_is_used_at_once(
    client: RelyingParty, browser: Browser
) -> None:
    """The suite's par-attempt-reuse-request_uri."""
    request_uri = push(client)
    answer = client.answer(client.complete(visit(client, browser, request_uri)))
    tokens = client.exchange(answer["code"])
    rejected_with_a_page(visit(client, browser, request_uri), FINISHED)
    assert client.introspect(tokens["access_token"])["active"], "nothing was redeemed twice"


def test_a_double_click_gets_the_same_answer(client: RelyingParty, browser: Browser) -> None:
    request_uri = push(client)
    first = client.answer(client.complete(visit(client, browser, request_uri)))
    again = client.answer(visit(client, browser, request_uri))
    assert again == first
    assert client.exchange(again["code"])["access_token"]


def test_another_user_of_the_browser_does_not_get_the_answer(
    client: RelyingParty, browser: Browser
) -> None:
    request_uri = push(client)
    client.complete(visit(client, browser, request_uri))
    browser.get("/logout").forms["logout"].submit()
    browser.sign_in("bob")
    page = client.complete(visit(client, browser, request_uri), "bob")
    rejected_with_a_page(page, FINISHED)


def test_a_denied_one_tells_the_client(client: RelyingParty, browser: Browser) -> None:
    page = visit(client, browser, push(client))
    form = page.forms["login"]
    form["username"], form["password"] = "alice", "valid"
    page = follow_to_answer(form.submit()).forms["consent"].submit("decision", value="deny")
    answer = client.answer(follow_to_answer(page))
    assert (answer["error"], answer["state"]) == ("access_denied", "the-state")


@pytest.mark.parametrize("page_name", ["login", "consent"])
def test_a_page_that_was_open_for_too_long_ends_at_an_error_page(
    client: RelyingParty, browser: Browser, clock: Any, page_name: str
) -> None:
    """The client has to push again: the request is not processed again, as others are."""
    if page_name == "consent":
        browser.sign_in()
    page = visit(client, browser, push(client))
    form = page.forms[page_name]
    if page_name == "login":
        form["username"], form["password"] = "alice", "valid"
    clock.advance(INTERACTION)
    page = follow_to_answer(form.submit("decision", value="allow", expect_errors=True))
    rejected_with_a_page(page, EXPIRED)
    with client.provider.database() as dbsession:
        assert dbsession.scalars(select(SuspendedRequest.used_at)).one() is None


def test_the_other_clients_one_is_not_known(
    provider: Provider, client: RelyingParty, browser: Browser
) -> None:
    """The suite's par-attempt-to-use-request_uri-for-different-client."""
    other = provider.register()
    request_uri = push(client)
    rejected_with_a_page(visit(other, browser, request_uri), UNKNOWN)
    assert "login" in visit(client, browser, request_uri).forms, "it is not used up"


def test_the_reference_alone_is_not_enough(client: RelyingParty, browser: Browser) -> None:
    request_uri = push(client)
    rejected_with_a_page(visit(client, browser, request_uri, client_id=None), UNKNOWN)
    pairs = [("client_id", client.client_id), ("request_uri", request_uri)]
    for more in (("client_id", "x"), ("request_uri", request_uri), ("request_uri", "https://x/")):
        page = browser.get("/oauth/authorize", [*pairs, more], expect_errors=True)
        rejected_with_a_page(page, UNKNOWN if more[0] == "client_id" else "is repeated")


def test_no_other_credential_is_a_reference(client: RelyingParty, browser: Browser) -> None:
    answer = client.login(browser)
    tokens = client.exchange(answer["code"])
    credentials = [answer["code"], tokens["refresh_token"], tokens["access_token"],
                   client.secret, "ru_" + "x" * 43, "", "ru_", "sealed:", "sealed:x"]  # fmt: skip
    for credential in credentials:
        page = visit(client, browser, f"{REQUEST_URI_PREFIX}{credential}")
        rejected_with_a_page(page, UNKNOWN)


def test_a_reference_is_no_other_credential(client: RelyingParty, browser: Browser) -> None:
    request_uri = push(client)
    for text in (request_uri, request_uri.removeprefix(REQUEST_URI_PREFIX)):
        assert client.exchange(text, status=400)["error"] == "invalid_grant"
        assert client.refresh(text, status=400)["error"] == "invalid_grant"
        client.userinfo(text, status=401)
        assert client.introspect(text) == {"active": False}
    assert "login" in visit(client, browser, request_uri).forms


def test_it_belongs_to_the_browser_that_opens_it_first(
    provider: Provider, client: RelyingParty, browser: Browser
) -> None:
    request_uri = push(client)
    page = visit(client, browser, request_uri)
    rejected_with_a_page(visit(client, provider.browser(), request_uri), "in another browser")
    assert "code" in client.answer(client.complete(page))


def test_of_two_browsers_at_once_one_gets_it(provider: Provider, client: RelyingParty) -> None:
    for _ in range(5):
        request_uri, barrier = push(client), Barrier(2)

        def open_it(request_uri: str = request_uri, barrier: Barrier = barrier) -> int:
            browser = provider.browser()
            barrier.wait(timeout=30)
            return visit(client, browser, request_uri).status_int

        with ThreadPoolExecutor(2) as pool:
            statuses = [each.result() for each in [pool.submit(open_it) for _ in range(2)]]
        assert sorted(statuses) == [200, 403]


def test_silent_and_repeated_sign_ins_work_as_elsewhere(
    client: RelyingParty, browser: Browser
) -> None:
    silent = client.answer(visit(client, browser, push(client, prompt="none")))
    assert silent["error"] == "login_required"
    browser.sign_in()
    form = visit(client, browser, push(client)).forms["consent"]
    form["remember"] = True
    form.submit("decision", value="allow")
    assert "code" in client.answer(visit(client, browser, push(client, prompt="none")))
    page = visit(client, browser, push(client, prompt="login"))
    assert "code" in client.answer(client.complete(page))


def test_the_present_registration_counts_when_it_is_opened(
    provider: Provider, client: RelyingParty, browser: Browser
) -> None:
    request_uri = push(client)
    with provider.database() as dbsession:
        stored = dbsession.merge(client.client)
        elsewhere = ["https://client.example/elsewhere"]
        stored.client_metadata = {**stored.client_metadata, "redirect_uris": elsewhere}
    rejected_with_a_page(visit(client, browser, request_uri), "not one that the application")


def test_a_long_state_and_nonce_come_back_whole(client: RelyingParty, browser: Browser) -> None:
    """The suite's ensure-authorization-request-with-long-nonce and -with-long-state."""
    state, nonce = "s" * 384, "n" * 384
    page = visit(client, browser, push(client, state=state, nonce=nonce))
    answer = client.answer(client.complete(page))
    assert answer["state"] == state
    id_token = client.exchange(answer["code"])["id_token"]
    assert decode_id_token(client.provider, id_token)["nonce"] == nonce


def test_a_long_request_can_be_pushed(client: RelyingParty, browser: Browser) -> None:
    long_hints = {"login_hint": "a" * 4000, "ui_locales": "de " * 1300, "extra": "x" * 4000}
    page = visit(client, browser, push(client, **long_hints))
    assert "code" in client.answer(client.complete(page))


def test_an_answer_in_a_form_works_too(client: RelyingParty, browser: Browser) -> None:
    page = client.complete(visit(client, browser, push(client, response_mode="form_post")))
    form = page.forms["form_post"]
    assert form.action == REDIRECT_URI
    assert form["state"].value == "the-state"


def test_the_proof_of_a_pushed_request_binds_its_code(make_provider: Any) -> None:
    provider = make_provider(oauth__endpoints=ENDPOINTS, oauth__sender_constraints="dpop")
    client, browser, key = provider.register(), provider.browser(), ProofKey()
    endpoint = f"{provider.issuer}/oauth/par"
    headers = {**client.basic(), "DPoP": key.proof("POST", endpoint)}
    pushed = post(client, headers=headers, status=201).json["request_uri"]
    assert post(client, headers=headers, status=400).json["error"] == "invalid_dpop_proof"
    fresh = {**client.basic(), "DPoP": key.proof("POST", endpoint)}
    other_key = {"dpop_jkt": ProofKey().thumbprint}
    assert post(client, headers=fresh, status=400, **other_key).json["error"] == "invalid_request"
    code = client.answer(client.complete(visit(client, browser, pushed)))["code"]
    form = {"redirect_uri": client.client.redirect_uris[0], "code_verifier": client.verifier}
    for other in ({}, {"headers": ProofKey().for_token(client)}):
        refused = client.token(
            status=400, grant_type="authorization_code", code=code, **form, **other
        )
        assert refused.json["error"] in {"invalid_grant", "invalid_dpop_proof"}
    answer = client.token(
        grant_type="authorization_code", code=code, headers=key.for_token(client), **form
    )
    assert answer.json["token_type"] == "DPoP"
