"""Requests from a site of a client's own, along which browsers send none of our cookies (SameSite).

OpenID Connect Core section 3.1.2.1 wants POST at the authorization endpoint; the form is then on
the client's site.
"""

from typing import Any

import pytest
from sqlalchemy import select
from support.app import Browser, Provider, RelyingParty, follow_to_answer

from oidcserver.models import SuspendedRequest

AUTHORIZE = "/oauth/authorize"


def post_from_elsewhere(browser: Browser, parameters: dict[str, Any]) -> Any:
    """Do as a browser does with a form of another site: no cookies to it, but all to what follows.

    The cookies of the answer are kept, since the user sees it.
    """
    elsewhere = browser.provider.browser()
    response = elsewhere.post(AUTHORIZE, parameters, headers={"Origin": "https://client.example"})
    for cookie in elsewhere.cookiejar:
        browser.cookiejar.set_cookie(cookie)
    return browser.get(response.location)


def long(client: RelyingParty, **changes: Any) -> dict[str, Any]:
    """Return the parameters of a request that is too long for a URL."""
    return client.parameters(
        state="s" * 4000, login_hint="l" * 4000, ui_locales="x" * 4000, **changes
    )


def test_who_is_signed_in_is_known_and_nothing_is_asked(provider: Provider) -> None:
    browser, client = provider.browser(), provider.register()
    client.login(browser)
    page = client.authorize(browser, prompt="consent")
    page.forms["consent"]["remember"] = True
    page.forms["consent"].submit("decision", value="allow")
    answer = post_from_elsewhere(browser, client.parameters(prompt="none"))
    assert "code" in client.answer(answer)


@pytest.mark.parametrize("is_long", [False, True], ids=["short", "long"])
def test_a_page_in_another_tab_still_works(provider: Provider, is_long: bool) -> None:
    browser, client = provider.browser(), provider.register()
    browser.sign_in()
    tab = client.authorize(browser)
    parameters = long(client) if is_long else client.parameters()
    page = follow_to_answer(post_from_elsewhere(browser, parameters))
    assert "alice" in page
    assert page.forms["consent"]
    assert "code" in client.answer(
        follow_to_answer(tab.forms["consent"].submit("decision", value="allow"))
    )
    assert "code" in client.answer(
        follow_to_answer(page.forms["consent"].submit("decision", value="allow"))
    )


def test_whoever_is_not_signed_in_does_so(provider: Provider) -> None:
    browser, client = provider.browser(), provider.register()
    page = follow_to_answer(post_from_elsewhere(browser, client.parameters()))
    assert "code" in client.answer(client.complete(page))


def test_a_long_request_belongs_to_the_first_browser_that_takes_it_up(provider: Provider) -> None:
    client = provider.register()
    response = provider.browser().post(AUTHORIZE, long(client))
    assert "Set-Cookie" not in response.headers
    assert len(response.location) < 300
    first = provider.browser()
    answer = client.answer(client.complete(follow_to_answer(first.get(response.location))))
    assert answer["state"] == "s" * 4000
    provider.browser().get(response.location, status=403)


def test_a_wrong_long_request_is_rejected_before_it_is_stored(provider: Provider) -> None:
    client = provider.register()
    wrong = long(client, redirect_uri="https://evil.example/")
    provider.browser().post(AUTHORIZE, wrong, status=400)
    with provider.database() as dbsession:
        assert dbsession.scalars(select(SuspendedRequest)).all() == []


def test_a_silent_request_in_a_frame_leaves_the_state_of_the_browser(make_provider: Any) -> None:
    """There the cookie of the session stays away, and that of Session Management comes along."""
    provider = make_provider(
        oauth__endpoints="authorization token jwks check_session openid_configuration",
        oidc__issuer="https://localhost:6543",
    )
    browser, client = provider.browser(), provider.register()
    client.login(browser)
    name = provider.registry.oidc.provider.cookie_name("browser_state")
    state = browser.cookies[name]
    frame = provider.browser()
    for cookie in browser.cookiejar:
        if cookie.name == name:
            frame.cookiejar.set_cookie(cookie)
    answer = client.answer(client.authorize(frame, prompt="none"))
    assert answer["error"] == "login_required"
    assert frame.cookies[name] == state
