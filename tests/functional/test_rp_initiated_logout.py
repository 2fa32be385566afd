"""An application signs its person out (OpenID Connect RP-Initiated Logout 1.0)."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from support.app import Browser, Provider, RelyingParty

from oidcserver.models import RecordedRejection, User
from oidcserver.oauth.events import LoginSessionEvent

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


@pytest.mark.parametrize("more", [{}, {"id_token_hint": "x.y.z"}])
def test_without_a_hint_that_counts_a_client_gets_the_user_back_once_they_confirmed(
    provider: Provider, client: RelyingParty, more: dict[str, str]
) -> None:
    """Sections 2 and 3: the address is registered, and the user says so."""
    browser = provider.browser()
    sign_in(client, browser)
    parameters = {
        "client_id": client.client_id, "post_logout_redirect_uri": AFTER, "state": "a b&c", **more
    }  # fmt: skip
    page = browser.get("/oauth/end_session", parameters).follow()
    assert "The Example Application" in page
    assert is_signed_in(browser)
    assert page.forms["logout"].submit().location == f"{AFTER}?state=a%20b%26c"
    assert not is_signed_in(browser)
    again = browser.get("/oauth/end_session", parameters).follow()
    assert "You are signed out" in again
    assert again.html.find("a", class_="primary")["href"] == f"{AFTER}?state=a%20b%26c"


def test_a_hint_whose_key_is_gone_is_as_no_hint_and_names_the_client(
    make_provider: Any, tmp_path: Path, clock: Any
) -> None:
    """A user whose hint names a key that was rotated out can still sign out."""
    provider = make_provider(
        oidcserver__keys_directory=tmp_path / "keys", oidc__signing_algs="RS256"
    )
    client = provider.register(post_logout_redirect_uris=[AFTER])
    hint = sign_in(client, provider.browser())["id_token"]
    provider.registry.oidc.provider.keys.rotate()
    clock.advance(30 * 86400)
    browser = provider.browser()
    browser.sign_in()
    parameters = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER}
    page = browser.get("/oauth/end_session", parameters).follow()
    assert "id_token_hint was ignored" in page
    assert is_signed_in(browser)
    assert page.forms["logout"].submit().location == AFTER
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"id_token_hint": "forged"},
            "or is not for the client that client_id names. "
            "post_logout_redirect_uri was ignored: it requires client_id or id_token_hint.",
        ),
        ({"id_token_hint": "access_token"}, "id_token_hint was ignored: it is not an ID token"),
        ({"client_id": "another"}, "or is not for the client that client_id names"),
        ({"client_id": "unknown"}, "client_id names no client"),
        ({"id_token_hint": None}, "it requires client_id or id_token_hint"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_cannot_be_used_leads_to_the_question_and_is_said_and_recorded(
    make_provider: Any, changes: dict[str, str | None], sentence: str, method: str
) -> None:
    provider = make_provider(oauth__access_token_format="jwt")
    client = provider.register(post_logout_redirect_uris=[AFTER])
    other = provider.register()
    browser = provider.browser()
    tokens = sign_in(client, browser)
    stand_ins = {"forged": tokens["id_token"][:-8] + "AAAAAAAA", "another": other.client_id,
                 "access_token": tokens["access_token"]}  # fmt: skip
    parameters = {
        "id_token_hint": tokens["id_token"], "post_logout_redirect_uri": AFTER,
        **{name: stand_ins.get(value or "", value) for name, value in changes.items()},
    }  # fmt: skip
    pairs = {name: value for name, value in parameters.items() if value is not None}
    page = getattr(browser, method.lower())("/oauth/end_session", pairs).follow()
    assert "Sign out?" in page
    assert sentence in page
    assert is_signed_in(browser)
    with provider.database() as dbsession:
        recorded = dbsession.scalars(select(RecordedRejection)).one()
    assert sentence in recorded.description
    assert recorded.reference in page
    page.forms["logout"].submit()
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    "uri",
    ["https://evil.example/", f"{AFTER}?y=2", f"{AFTER}/", "https://client.example/cb", "/", "x:y"],
)
def test_an_address_that_is_not_registered_is_ignored_and_the_user_signed_out(
    provider: Provider, client: RelyingParty, uri: str
) -> None:
    browser = provider.browser()
    hint = sign_in(client, browser)["id_token"]
    parameters = {"id_token_hint": hint, "post_logout_redirect_uri": uri, "state": "x"}
    response = browser.get("/oauth/end_session", parameters)
    assert response.location.startswith(f"{provider.issuer}/logout?reference=")
    page = response.follow()
    assert "You are signed out" in page
    assert "post_logout_redirect_uri was ignored: the client did not register it." in page
    assert not is_signed_in(browser)


def test_a_reference_on_the_page_is_that_of_a_sign_out(provider: Provider) -> None:
    browser = provider.browser()
    browser.get("/oauth/authorize", {"client_id": "unknown"}, status=400)
    with provider.database() as dbsession:
        reference = dbsession.scalars(select(RecordedRejection.reference)).one()
    for text in (reference, reference.lower(), "<b>", "BCDFG-BCDFG"):
        assert "For its developers" not in browser.get("/logout", {"reference": text})


def test_a_hint_of_a_former_session_leads_to_the_question(
    provider: Provider, client: RelyingParty
) -> None:
    """An ID token that leaked, for instance from a log, does not sign its user out for ever."""
    hint = sign_in(client, provider.browser())["id_token"]
    browser = provider.browser()
    browser.sign_in()
    parameters = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER}
    page = browser.get("/oauth/end_session", parameters).follow()
    assert is_signed_in(browser)
    assert page.forms["logout"].submit().location == AFTER


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
    assert "form-action" not in page.headers["Content-Security-Policy"]  # to the application
    assert is_signed_in(bob)
    assert page.forms["logout"].submit().location == f"{AFTER}?state=a%20b"
    assert not is_signed_in(bob)
    again = bob.get(page.request.url)
    assert "You are signed out" in again
    assert f'href="{AFTER}?state=a%20b"' in again


def test_the_page_that_asks_leads_to_registered_addresses_only(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    browser.sign_in()
    for parameters in (
        {"client_id": client.client_id, "post_logout_redirect_uri": "https://evil.example/"},
        {"client_id": "unknown", "post_logout_redirect_uri": AFTER},
        {"client_id": "\x7f", "post_logout_redirect_uri": AFTER},
        {"post_logout_redirect_uri": AFTER},
    ):
        page = browser.get("/logout", parameters)
        assert "The Example Application" not in page
        assert "evil" not in page.headers["Content-Security-Policy"]


def test_a_long_state_comes_back_after_the_question_too(
    provider: Provider, client: RelyingParty
) -> None:
    hint = sign_in(client, provider.browser())["id_token"]
    bob = provider.browser()
    bob.sign_in("bob")
    state = "s" * 4096
    parameters = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER, "state": state}
    page = bob.get("/oauth/end_session", parameters).follow()
    assert page.forms["logout"].submit().location == f"{AFTER}?state={state}"


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


def test_a_request_that_cannot_be_read_gets_a_page_and_signs_nobody_out(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    hint = sign_in(client, browser)["id_token"]
    query = f"id_token_hint={hint}&id_token_hint={hint}"
    assert "repeated" in browser.get(f"/oauth/end_session?{query}", status=400)
    assert is_signed_in(browser)


def test_a_hint_under_the_clients_secret_ends_no_session_without_a_question(
    provider: Provider,
) -> None:
    """The client can sign one for anybody whose subject it knows."""
    client = provider.register(
        post_logout_redirect_uris=[AFTER], id_token_signed_response_alg="HS256"
    )
    browser = provider.browser()
    hint = sign_in(client, browser)["id_token"]
    parameters = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER}
    page = browser.get("/oauth/end_session", parameters).follow()
    assert "ignored" not in page
    assert is_signed_in(browser)
    assert page.forms["logout"].submit().location == AFTER
    assert browser.get("/oauth/end_session", parameters).location == AFTER


@pytest.mark.parametrize(
    ("groups", "method", "algorithm"),
    [(70, "GET", "RS256"), (500, "GET", "HS256"), (500, "POST", "RS256"), (70, "POST", "HS256")],
)
def test_an_id_token_of_any_length_is_a_hint(
    provider: Provider, groups: int, method: str, algorithm: str
) -> None:
    """Whatever we issue, we accept: a user of many groups has long ID tokens."""
    client = provider.register(
        post_logout_redirect_uris=[AFTER], id_token_signed_response_alg=algorithm
    )
    browser = provider.browser()
    browser.sign_in()
    with provider.database() as dbsession:
        user = dbsession.scalars(select(User)).one()
        names = [f"/organisation/department-{number:05}/members" for number in range(groups)]
        user.claims = {**user.claims, "address": {"formatted": " ".join(names)}}
    asked = json.dumps({"id_token": {"address": None}})
    hint = client.exchange(client.login(browser, claims=asked)["code"])["id_token"]
    assert len(hint) > 45 * groups
    silent = {"prompt": "none", "id_token_hint": hint}
    assert client.answer(client.authorize(browser, **silent))["error"] == "consent_required"
    parameters = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER, "state": "x"}
    # A form of another site comes without cookies.
    caller = browser if method == "GET" else provider.browser()
    response = getattr(caller, method.lower())("/oauth/end_session", parameters)
    if method == "POST":
        assert len(response.location) < 2000
        response = browser.get(response.location)
    if algorithm == "HS256":
        assert is_signed_in(browser)
        response = response.follow().forms["logout"].submit()
    assert response.location == f"{AFTER}?state=x"
    assert not is_signed_in(browser)


def test_discovery_promises_it_and_it_needs_the_page_that_asks(make_provider: Any) -> None:
    from oidcserver.settings import ConfigurationProblem

    document = make_provider().browser().get("/.well-known/openid-configuration").json
    assert document["end_session_endpoint"].endswith("/oauth/end_session")
    with pytest.raises(ConfigurationProblem, match="needs the page logout"):
        make_provider(oidc__pages="home login consent")


# -- failures ---------------------------------------------------------------------------------


def failing(*_: Any) -> None:
    raise RuntimeError("out of order")


def test_a_failing_subscriber_does_not_keep_the_user_signed_in(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    tokens = sign_in(client, browser)
    provider.registry.registerHandler(failing, (LoginSessionEvent,))
    parameters = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": AFTER}
    assert browser.get("/oauth/end_session", parameters).location == AFTER
    assert not is_signed_in(browser)
    client.userinfo(tokens["access_token"], status=401)


def test_what_fails_before_the_commit_ends_no_session(
    provider: Provider, client: RelyingParty, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = provider.browser()
    tokens = sign_in(client, browser)
    parameters = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": AFTER}
    with monkeypatch.context() as patched:
        patched.setattr("oidcserver.sessions.logout.see_other", failing)
        browser.get("/oauth/end_session", parameters, status=500)
    assert is_signed_in(browser)
    client.userinfo(tokens["access_token"])


def test_a_request_that_cannot_be_read_has_its_reference(provider: Provider) -> None:
    rejected = provider.browser().get("/oauth/end_session?state=a&state=b", status=400)
    assert rejected.headers["Error-Reference"] in rejected
