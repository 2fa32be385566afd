"""Codes that are bound to a key of the client, from the pushed request on (RFC 9449 section 10)."""

from support.app import Browser
from support.conformance_plans import module
from support.dpop import ProofKey
from support.fapi_relying_party import FAPIRelyingParty


@module("ensure-mismatched-dpop-jkt-fails")
def test_ensure_mismatched_dpop_jkt_fails(rp: FAPIRelyingParty) -> None:
    asked = rp.parameters(dpop_jkt=ProofKey().thumbprint)
    answer = rp.push(asked, headers=rp.proof_at_par())
    assert rp.token_refusal(answer) == "invalid_request"


@module("ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt")
def test_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt(
    rp: FAPIRelyingParty, person: Browser
) -> None:
    """The proof at the first endpoint binds the code as dpop_jkt does."""
    request_uri = rp.pushed(rp.push(rp.parameters(), headers=rp.proof_at_par()))
    refused_with_another_key(rp, person, request_uri)


@module("ensure-token-endpoint-fails-with-mismatched-dpop-jkt")
def test_ensure_token_endpoint_fails_with_mismatched_dpop_jkt(
    rp: FAPIRelyingParty, person: Browser
) -> None:
    request_uri = rp.pushed(rp.push(rp.parameters(dpop_jkt=rp.proof_key.thumbprint)))
    refused_with_another_key(rp, person, request_uri)


def refused_with_another_key(rp: FAPIRelyingParty, person: Browser, request_uri: str) -> None:
    """Redeem a code with another key, which fails; the right one still serves."""
    outcome = rp.accept(rp.complete(rp.open(person, request_uri)))
    form = rp.code_form(outcome.response["code"])
    bound, rp.proof_key = rp.proof_key, ProofKey()
    assert rp.token_refusal(rp.token_request(form)) == "invalid_grant"
    rp.proof_key = bound
    rp.redeem(outcome)


@module("ensure-dpopproof-at-par-endpoint-binding-success")
def test_ensure_dpopproof_at_par_endpoint_binding_success(
    rp: FAPIRelyingParty, person: Browser
) -> None:
    request_uri = rp.pushed(rp.push(rp.parameters(), headers=rp.proof_at_par()))
    rp.finish(rp.complete(rp.open(person, request_uri)))


@module("ensure-dpop-auth-code-binding-success")
def test_ensure_dpop_auth_code_binding_success(rp: FAPIRelyingParty, person: Browser) -> None:
    asked = rp.parameters(dpop_jkt=rp.proof_key.thumbprint)
    request_uri = rp.pushed(rp.push(asked, headers=rp.proof_at_par()))
    rp.finish(rp.complete(rp.open(person, request_uri)))
