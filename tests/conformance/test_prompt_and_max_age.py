"""When the person has to sign in, and when nothing may be asked (OpenID Connect Core 3.1.2.1)."""

from typing import Any

from support.app import Browser
from support.conformance_plans import module
from support.strict_relying_party import StrictRelyingParty


@module("oidcc-prompt-login")
def test_oidcc_prompt_login(rp: StrictRelyingParty, person: Browser, clock: Any) -> None:
    first = rp.log_in(person)
    clock.advance(2)
    page = rp.authorize(person, prompt="login")
    assert "login" in page.forms
    second = rp.finish(rp.complete(page))
    assert second.claims["sub"] == first.claims["sub"]
    assert second.claims["auth_time"] > first.claims["auth_time"]


@module("oidcc-prompt-none-not-logged-in")
def test_oidcc_prompt_none_not_logged_in(rp: StrictRelyingParty, person: Browser) -> None:
    assert rp.refusal(rp.authorize(person, prompt="none")) == "login_required"


@module("oidcc-prompt-none-logged-in")
def test_oidcc_prompt_none_logged_in(rp: StrictRelyingParty, person: Browser, clock: Any) -> None:
    first = rp.log_in(person)
    clock.advance(2)
    second = rp.finish(rp.authorize(person, prompt="none"))
    assert all(second.claims[name] == first.claims[name] for name in ("sub", "auth_time"))


@module("oidcc-id-token-hint")
def test_oidcc_id_token_hint(rp: StrictRelyingParty, person: Browser) -> None:
    first = rp.log_in(person)
    hint = first.raw_id_token
    second = rp.finish(rp.authorize(person, prompt="none", id_token_hint=hint))
    assert all(second.claims[name] == first.claims[name] for name in ("sub", "auth_time"))


@module("oidcc-max-age-1")
def test_oidcc_max_age_1(rp: StrictRelyingParty, person: Browser, clock: Any) -> None:
    first = rp.log_in(person)
    clock.advance(2)
    page = rp.authorize(person, max_age="1")
    assert "login" in page.forms
    second = rp.finish(rp.complete(page))
    assert second.claims["sub"] == first.claims["sub"]
    assert second.claims["auth_time"] > first.claims["auth_time"]
    assert 0 <= second.claims["iat"] - second.claims["auth_time"] < 60


@module("oidcc-max-age-10000")
def test_oidcc_max_age_10000(rp: StrictRelyingParty, person: Browser, clock: Any) -> None:
    first = rp.log_in(person, max_age="10000")
    clock.advance(2)
    second = rp.finish(rp.authorize(person, max_age="10000"))
    assert all(second.claims[name] == first.claims[name] for name in ("sub", "auth_time"))
