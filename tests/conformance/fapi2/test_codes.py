"""Codes serve one client, once and for a minute (Security Profile section 5.3.2.1)."""

from typing import Any

from support.app import Browser
from support.conformance_plans import module
from support.fapi_relying_party import FAPIRelyingParty, RegisterFAPI


@module("ensure-authorization-code-is-bound-to-client")
def test_ensure_authorization_code_is_bound_to_client(
    rp: FAPIRelyingParty, register: RegisterFAPI, person: Browser
) -> None:
    """Another client gets nothing for it, and uses nothing up."""
    form = rp.grant_form(person)
    other = register(name="second")
    assert other.token_refusal(other.token_request(form)) == "invalid_grant"
    rp.read_tokens(rp.token_request(form))


@module("attempt-reuse-authorization-code-after-one-second")
def test_attempt_reuse_authorization_code_after_one_second(
    rp: FAPIRelyingParty, person: Browser, clock: Any
) -> None:
    """The access token that was issued for it ends (RFC 6749 section 4.1.2)."""
    form = rp.grant_form(person)
    token = rp.read_tokens(rp.token_request(form))["access_token"]
    assert rp.call(token).status_int == 200
    clock.advance(1)
    assert rp.token_refusal(rp.token_request(form)) == "invalid_grant"
    assert rp.call(token).status_int == 401


@module("ensure-token-endpoint-fails-with-expired-auth-code")
def test_ensure_token_endpoint_fails_with_expired_auth_code(
    rp: FAPIRelyingParty, person: Browser, clock: Any
) -> None:
    form = rp.grant_form(person)
    clock.advance(62)
    assert rp.token_refusal(rp.token_request(form)) == "invalid_grant"
