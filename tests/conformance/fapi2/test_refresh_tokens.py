"""Refresh tokens are bound to the client, and are not replaced (Security Profile 5.3.2.1)."""

from typing import Any

from support.app import Browser
from support.conformance_plans import module
from support.dpop import ProofKey
from support.fapi_relying_party import FAPIRelyingParty, RegisterFAPI, refresh_form


@module("refresh-token")
def test_refresh_token(
    rp: FAPIRelyingParty, register: RegisterFAPI, person: Browser, clock: Any
) -> None:
    assert "refresh_token" in rp.metadata["grant_types_supported"]
    offline = {"scope": "openid offline_access", "prompt": "consent"} if rp.variant.openid else {}
    outcome = rp.log_in(person, **offline)
    form = refresh_form(outcome)
    clock.advance(2)
    for _ in range(2):
        rp.proof_key = ProofKey("EdDSA")
        fresh = rp.refresh(outcome)
        assert fresh.tokens.get("refresh_token", form["refresh_token"]) == form["refresh_token"]
        assert fresh.access_token != outcome.access_token
        assert rp.call(fresh.access_token).status_int == 200
        clock.advance(30)

    without = [{}]
    if rp.variant.client_auth == "private_key_jwt":
        without.append({"client_id": rp.client_id})
    for credentials in without:
        answer = rp.token_request(form, credentials=credentials)
        assert rp.token_refusal(answer, 401) == "invalid_client"
    certificate, rp.certificate = rp.certificate, None
    if rp.variant.client_auth == "tls_client_auth":
        assert rp.token_refusal(rp.token_request(form), 401) == "invalid_client"
    elif not rp.dpop:
        assert rp.token_refusal(rp.token_request(form)) == "invalid_request"
    rp.certificate = certificate
    if rp.dpop:
        assert rp.token_refusal(rp.token_request(form, headers={})) == "invalid_dpop_proof"

    second = register(name="second")
    assert second.token_refusal(second.token_request(form)) == "invalid_grant"
    rp.refresh(outcome)
