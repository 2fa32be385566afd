"""Client ID metadata documents that grow old, are away, or change."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from joserfc.jwk import ECKey
from support.app import Browser, Provider, RelyingParty
from support.client_web import ClientWeb
from support.published_client import KEYS, REDIRECT_URI, URL, publish, rejected, signer

from oidcserver.http.outbound import OutboundFetchError
from oidcserver.oauth.events import OAuthEvent

pytestmark = pytest.mark.both_databases
DAY = 86400


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    """A provider in whose Web a document is fetched as often as a test wants."""
    made: Provider = make_provider(oauth__client_document_limit="1000")
    return made


@pytest.fixture
def client(web: ClientWeb, provider: Provider) -> RelyingParty:
    return publish(web, provider)


@pytest.fixture
def browser(provider: Provider) -> Browser:
    return provider.browser()


def fail(web: ClientWeb, url: str = URL) -> None:
    """Let the host of a document be away."""
    web.documents.pop(url, None)


# Freshness


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        (None, 300),
        ("max-age=600", 600),
        ("max-age=99999999", DAY),
        ("max-age=0", 30),
        ("s-maxage=0, max-age=600", 30),
        ("private, max-age=600", 30),
        ("no-store", 30),
    ],
)
def test_a_document_is_used_as_long_as_its_host_says_within_bounds(
    provider: Provider, client: RelyingParty, web: ClientWeb, clock: Any,
    cache_control: str | None, seconds: int,
) -> None:  # fmt: skip
    if cache_control is not None:
        web.headers[URL] = {"cache-control": cache_control}
    client.authorize(provider.browser())
    clock.advance(seconds - 5)
    client.authorize(provider.browser())
    assert web.fetched == [URL]
    clock.advance(10)
    client.authorize(provider.browser())
    assert web.fetched == [URL, URL]


def test_a_copy_is_used_while_its_host_is_away_and_no_longer(
    provider: Provider, client: RelyingParty, browser: Browser, web: ClientWeb, clock: Any
) -> None:
    tokens = client.exchange(client.login(browser, scope="openid offline_access")["code"])
    fail(web)
    clock.advance(301)
    tokens = client.refresh(tokens["refresh_token"])
    assert len(web.fetched) == 2
    tokens = client.refresh(tokens["refresh_token"])
    assert len(web.fetched) == 2  # it was tried a moment ago
    web.documents[URL] = "text/html", b"We are updating our site."
    clock.advance(31)
    tokens = client.refresh(tokens["refresh_token"])
    assert len(web.fetched) == 3
    web.statuses[URL] = 503
    clock.advance(31)
    tokens = client.refresh(tokens["refresh_token"])
    assert len(web.fetched) == 4
    clock.advance(DAY)
    answer = client.token(
        grant_type="refresh_token", refresh_token=tokens["refresh_token"], status=503
    )
    assert answer.json["error"] == "temporarily_unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    web.statuses.clear()
    publish(web, provider)
    assert client.refresh(tokens["refresh_token"])["access_token"]


@pytest.mark.parametrize("cache_control", ["no-store", "max-age=60, must-revalidate"])
def test_a_copy_that_must_not_be_stale_is_not_used_then(
    provider: Provider, client: RelyingParty, browser: Browser, web: ClientWeb, clock: Any,
    cache_control: str,
) -> None:  # fmt: skip
    web.headers[URL] = {"cache-control": cache_control}
    tokens = client.exchange(client.login(browser)["code"])
    fail(web)
    clock.advance(61)
    assert client.refresh(tokens["refresh_token"], status=503)


@pytest.mark.parametrize("status", [404, 410])
def test_a_document_that_is_gone_is_not_used_any_more(
    provider: Provider, client: RelyingParty, browser: Browser, web: ClientWeb, clock: Any,
    status: int,
) -> None:  # fmt: skip
    tokens = client.exchange(client.login(browser)["code"])
    web.statuses[URL] = status
    clock.advance(301)
    assert client.refresh(tokens["refresh_token"], status=401)["error"] == "invalid_client"
    web.statuses.clear()
    assert client.refresh(tokens["refresh_token"])["access_token"]


def test_a_sign_in_that_takes_long_survives_the_age_of_the_document(
    provider: Provider, client: RelyingParty, browser: Browser, web: ClientWeb, clock: Any
) -> None:
    page = client.authorize(browser)
    clock.advance(301)
    form = page.forms["login"]
    form["username"], form["password"] = "alice", "valid"
    consent = form.submit().maybe_follow()
    clock.advance(301)
    assert client.answer(client.complete(consent))["code"]
    assert len(web.fetched) == 3


def test_one_of_many_requests_fetches_a_document_that_is_old(
    provider: Provider, client: RelyingParty, web: ClientWeb, clock: Any
) -> None:
    families = [
        client.exchange(client.login(provider.browser(), scope="openid offline_access")["code"])
        for _ in range(8)
    ]
    clock.advance(301)
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(client.refresh, [tokens["refresh_token"] for tokens in families])
        assert all(answer["access_token"] for answer in answers)
    assert web.fetched == [URL, URL]


# Changes


def test_events_tell_of_new_clients_and_of_changes(
    provider: Provider, client: RelyingParty, web: ClientWeb, clock: Any
) -> None:
    events: list[tuple[str, str]] = []
    provider.registry.registerHandler(
        lambda event: events.append((event.name, event.details["client_id"])), (OAuthEvent,)
    )
    for name in ("The Published Application", "The Published Application", "Another"):
        publish(web, provider, client_name=name)
        client.authorize(provider.browser())
        clock.advance(301)
    assert len(web.fetched) == 3
    assert events == [("client_created", URL), ("client_changed", URL)]


def test_a_redirect_uri_that_is_dropped_ends_what_was_granted_there(
    provider: Provider, web: ClientWeb, clock: Any
) -> None:
    kept, dropped = "https://client.example/kept", "https://client.example/dropped"
    client = publish(web, provider, redirect_uris=[kept, dropped])
    families = {}
    for uri in (kept, dropped):
        answer = client.login(provider.browser(), redirect_uri=uri)
        families[uri] = client.exchange(answer["code"], redirect_uri=uri)
    code = client.login(provider.browser(), redirect_uri=dropped)["code"]
    web.headers[URL] = {"cache-control": "max-age=30"}
    publish(web, provider, redirect_uris=[kept])
    clock.advance(301)
    assert client.refresh(families[kept]["refresh_token"])["access_token"]
    ended = client.refresh(families[dropped]["refresh_token"], status=400)
    assert ended["error"] == "invalid_grant"
    assert client.userinfo(families[dropped]["access_token"], status=401)
    assert client.exchange(code, redirect_uri=dropped, status=400)["error"] == "invalid_grant"
    assert "not one that the application registered" in rejected(
        client, provider.browser(), redirect_uri=dropped
    )


def test_a_port_of_loopback_is_not_a_redirect_uri_that_is_dropped(
    provider: Provider, web: ClientWeb, clock: Any
) -> None:
    uris = ["http://localhost/callback", "http://127.0.0.1/callback"]
    client = publish(web, provider, redirect_uris=uris)
    there = "http://localhost:3118/callback"
    answer = client.login(provider.browser(), redirect_uri=there)
    tokens = client.exchange(answer["code"], redirect_uri=there)
    publish(web, provider, redirect_uris=uris, client_name="Another name")
    clock.advance(301)
    assert client.refresh(tokens["refresh_token"])["access_token"]


def test_a_document_that_begins_to_ask_for_a_key_is_held_to_it(
    provider: Provider, client: RelyingParty, browser: Browser, web: ClientWeb, clock: Any
) -> None:
    tokens = client.exchange(client.login(browser)["code"])
    publish(web, provider, token_endpoint_auth_method="private_key_jwt", jwks=KEYS)
    clock.advance(301)
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert client.token(**refresh, status=401).json["error"] == "invalid_client"
    revoke = client.post("/oauth/revoke", token=tokens["refresh_token"], status=401)
    assert revoke.json["error"] == "invalid_client"
    proven = client.token(**refresh, client_id=None, **signer(provider).form())
    assert proven.json["access_token"]


def test_a_key_that_is_dropped_proves_nothing_any_more(
    provider: Provider, browser: Browser, web: ClientWeb, clock: Any
) -> None:
    method = {"token_endpoint_auth_method": "private_key_jwt"}
    client = publish(web, provider, **method, jwks=KEYS)
    code = client.login(browser)["code"]
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI,
        "code_verifier": client.verifier, "client_id": None,
    }  # fmt: skip
    other = ECKey.generate_key("P-256", {"kid": "2"}).as_dict(private=False)
    web.headers[URL] = {"cache-control": "max-age=30"}
    tokens = client.token(**form, **signer(provider).form()).json
    publish(web, provider, **method, jwks={"keys": [other]})
    clock.advance(301)
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    answer = client.token(**refresh, client_id=None, **signer(provider).form(), status=401)
    assert answer.json["error"] == "invalid_client"


@pytest.mark.parametrize("grant_types", [["authorization_code"], ["client_credentials"]])
def test_a_grant_that_is_dropped_is_not_given_any_more(
    provider: Provider, client: RelyingParty, browser: Browser, web: ClientWeb, clock: Any,
    grant_types: list[str],
) -> None:  # fmt: skip
    tokens = client.exchange(client.login(browser)["code"])
    publish(web, provider, grant_types=grant_types)
    clock.advance(301)
    answer = client.refresh(tokens["refresh_token"], status=400)
    assert answer["error"] == "unauthorized_client"


@pytest.mark.parametrize(
    "change",
    [
        {"client_name": "Another Application"},
        {"redirect_uris": [REDIRECT_URI, "https://client.example/other"]},
        {"jwks": KEYS},
        {"client_uri": "https://client.example/other"},
    ],
)
def test_users_are_asked_again_after_a_change_of_what_they_allowed(
    provider: Provider, client: RelyingParty, browser: Browser, web: ClientWeb, clock: Any,
    change: dict[str, Any],
) -> None:  # fmt: skip
    page = client.authorize(browser)
    form = page.forms["login"]
    form["username"], form["password"] = "alice", "valid"
    consent = form.submit().maybe_follow().forms["consent"]
    consent["remember"] = True
    consent.submit("decision", value="allow")
    assert client.authorize(browser).status_int == 303
    clock.advance(301)
    assert client.authorize(browser).status_int == 303, "nothing has changed"
    publish(web, provider, **change)
    clock.advance(301)
    assert "consent" in client.authorize(browser).forms


def test_a_host_that_fails_in_the_middle_costs_nobody_the_sign_in(
    provider: Provider, client: RelyingParty, browser: Browser, monkeypatch: pytest.MonkeyPatch,
    clock: Any,
) -> None:  # fmt: skip
    page = client.authorize(browser)

    def hang(*_: object, **__: object) -> None:
        raise OutboundFetchError("The host did not answer.")

    monkeypatch.setattr(provider.registry.oidc.outbound_fetcher, "get", hang)
    clock.advance(400)
    assert client.answer(client.complete(page))["code"]
