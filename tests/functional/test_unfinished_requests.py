"""An authorization request stores little or nothing before a user has signed in."""

from typing import Any

import pytest
from sqlalchemy import select
from support.app import Provider, RelyingParty, follow_to_answer

from oidcserver.models import SuspendedRequest
from oidcserver.oauth.authorization_request import MAX_STORED


def stored(provider: Provider) -> int:
    """Return how many requests the database holds."""
    with provider.database() as dbsession:
        return len(dbsession.scalars(select(SuspendedRequest)).all())


def ask_at_length(client: RelyingParty, **environ: str) -> Any:
    """Send a new browser with a request that is too long for the URL of a page."""
    browser = client.provider.browser()
    browser.extra_environ.update(environ)
    return client.authorize(browser, state="s" * 4000, login_hint="l" * 2000)


def test_nothing_is_stored_before_somebody_signs_in(provider: Provider) -> None:
    client = provider.register()
    for _ in range(5):
        page = client.authorize(provider.browser(), unknown="x" * 1000)
        page.forms["login"].submit(status=403)
        assert len(page.request.url) < 4500
    assert stored(provider) == 0
    assert "code" in client.answer(client.complete(page))
    assert stored(provider) == 1


def test_the_page_keeps_the_request_over_night_and_after_a_rotation_of_browsers(
    provider: Provider, clock: Any
) -> None:
    browser, client = provider.browser(), provider.register()
    page = client.authorize(browser)
    clock.advance(16 * 3600)
    assert client.answer(client.complete(page))["state"] == "the-state"


def test_another_browser_does_not_go_on(provider: Provider) -> None:
    client = provider.register()
    url = client.authorize(provider.browser()).request.url
    assert "another browser" in provider.browser().get(url, status=403)


@pytest.mark.parametrize("change", ["", "x", "A" * 50])
def test_a_changed_request_is_none(provider: Provider, change: str) -> None:
    browser, client = provider.browser(), provider.register()
    url = client.authorize(browser).request.url
    broken = url[: -len(change) or None] + change if change else url[:-20]
    page = browser.get(broken)
    assert "to continue to" not in page
    parameters = broken.partition("?")[2]
    assert "not known here" in browser.get(f"/oauth/authorize?{parameters}", status=400)


def test_a_signed_in_user_goes_on_with_a_row_of_the_database(provider: Provider) -> None:
    browser, client = provider.browser(), provider.register()
    browser.sign_in()
    page = client.authorize(browser, state="s" * 4000, login_hint="l" * 2000)
    assert stored(provider) == 1
    assert len(page.request.url) < 300


def test_one_network_may_store_so_many_and_loses_nothing(make_provider: Any, clock: Any) -> None:
    provider = make_provider(oidc__stored_requests_per_address=3)
    client = provider.register()
    for host in range(3):
        page = ask_at_length(client, REMOTE_ADDR=f"2001:db8::{host}")
        assert page.status_int == 200
    refused = ask_at_length(client, REMOTE_ADDR="2001:db8::ffff")
    assert refused.status_int == 429
    assert 1700 < int(refused.headers["Retry-After"]) <= 1800
    assert "open the page again in " in refused
    assert refused.html.find("a", string="Open the page again")["href"] == refused.request.url
    assert stored(provider) == 3
    assert ask_at_length(client, REMOTE_ADDR="2001:db8:0:1::1").status_int == 200
    assert client.authorize(provider.browser()).status_int == 200, "a short one needs no room"
    assert "code" in client.answer(client.complete(page)), "what was begun goes on"
    clock.advance(1801)
    assert ask_at_length(client, REMOTE_ADDR="2001:db8::ffff").status_int == 200


def test_one_account_may_store_so_many_and_loses_nothing(make_provider: Any, clock: Any) -> None:
    provider = make_provider(oidc__stored_requests_per_account=3)
    client = provider.register()
    for _ in range(4):
        form = client.authorize(provider.browser()).forms["login"]
        form["username"], form["password"] = "alice", "valid"
        page = follow_to_answer(form.submit())
        assert "consent" in page.forms, "a sign-in does not count"
    rows = stored(provider)
    browsers = [provider.browser() for _ in range(3)]
    for browser in browsers:
        browser.sign_in()
        assert "consent" in client.authorize(browser).forms
    refused = client.authorize(browser)
    assert refused.status_int == 429
    assert 1700 < int(refused.headers["Retry-After"]) <= 1800
    assert "Too many requests were started with your account." in refused
    assert stored(provider) == rows + 3
    assert "code" in client.answer(client.complete(page)), "what was begun goes on"
    another = provider.browser()
    another.sign_in("bob")
    assert "consent" in client.authorize(another).forms
    clock.advance(1801)
    assert "consent" in client.authorize(browser).forms


def test_a_finished_request_begins_again_within_the_limit(make_provider: Any, clock: Any) -> None:
    provider = make_provider(oidc__stored_requests_per_account=2)
    browser, client = provider.browser(), provider.register()
    browser.sign_in()
    form = client.authorize(browser, prompt="consent").forms["consent"]
    assert "code" in client.answer(follow_to_answer(form.submit("decision", value="allow")))
    clock.advance(60)
    form.submit("decision", value="deny", status=303)
    clock.advance(60)
    refused = form.submit("decision", value="deny", status=429)
    assert refused.html.find("a", string="Open the page again")["href"] == refused.request.url


def test_a_request_that_is_longer_than_any_is_rejected(provider: Provider) -> None:
    browser, client = provider.browser(), provider.register()
    browser.sign_in()
    browser.post("/oauth/authorize", client.parameters())
    more = {f"extra{number}": "x" * 4000 for number in range(MAX_STORED // 4000 + 1)}
    answer = follow_to_answer(browser.post("/oauth/authorize", client.parameters(**more)))
    assert client.answer(answer)["error"] == "invalid_request"
