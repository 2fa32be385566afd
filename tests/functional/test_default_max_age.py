"""A client registers how fresh a sign-in has to be (OpenID Connect Registration section 2)."""

from typing import Any

from support.app import Provider


def test_an_older_sign_in_is_made_anew_unless_the_request_says_otherwise(
    provider: Provider, clock: Any
) -> None:
    client = provider.register(default_max_age=60)
    browser = provider.browser()
    client.login(browser)
    clock.advance(50)
    assert "login" not in client.authorize(browser).forms
    clock.advance(20)
    assert "login" in client.authorize(browser).forms
    assert "login" not in client.authorize(browser, max_age="3600").forms
    assert "code" in client.login(browser)
    answer = client.answer(client.authorize(browser, max_age="0", prompt="none"))
    assert answer["error"] == "login_required"
