"""A client registers how fresh a sign-in has to be (OpenID Connect Registration section 2)."""

from typing import Any

import pytest
from support.app import Provider, follow_to_answer


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


@pytest.mark.parametrize("max_age", ["0", "300"])
def test_a_sign_in_for_a_request_becomes_too_old_while_the_user_reads_the_consent_page(
    provider: Provider, clock: Any, max_age: str
) -> None:
    client, browser = provider.register(), provider.browser()
    page = client.authorize(browser, max_age=max_age)
    login = page.forms["login"]
    login["username"], login["password"] = "alice", "valid"
    consent = follow_to_answer(login.submit())
    clock.advance(int(max_age) + 50)
    assert "code" in client.answer(
        follow_to_answer(consent.forms["consent"].submit("decision", value="allow"))
    )
    late = client.authorize(browser, max_age=max_age, prompt="consent")
    login = late.forms["login"]
    login["username"], login["password"] = "alice", "valid"
    consent = follow_to_answer(login.submit())
    clock.advance(int(max_age) + 61)
    page = follow_to_answer(consent.forms["consent"].submit("decision", value="allow"))
    assert "login" in page.forms, "the user signs in again for the same request"
    assert "code" in client.answer(client.complete(page))
