"""Whole flows of well-behaved clients (FAPI 2.0 Security Profile section 5.3)."""

import json
import secrets

import pytest
from support.app import Browser, follow_to_answer
from support.conformance_checks import SCOPES
from support.conformance_plans import module
from support.dpop import ProofKey
from support.fapi_client import WITH_QUERY
from support.fapi_relying_party import FAPIRelyingParty, RegisterFAPI
from support.registered_client import REDIRECT_URI


@module("happy-flow")
def test_happy_flow(rp: FAPIRelyingParty, register: RegisterFAPI, person: Browser) -> None:
    """Two clients with different keys, lengths and addresses; neither can use the other's token."""
    token = rp.obtain(person)
    for accept in ("application/json; charset=utf-8", "application/json", "*/*"):
        headers = {**rp.possession(token), "Accept": accept}
        assert rp.call(token, headers=headers).status_int == 200
    in_query = {"access_token": token}
    rp.http.get(rp.resource_url, in_query, headers=rp.possession(token), status=400)

    second = register(name="second", alg="PS256", redirect_uris=[WITH_QUERY, REDIRECT_URI])
    second.proof_key = ProofKey("EdDSA")
    second.request_header = {"typ": "oauth-authz-req+jwt"}
    second_token = second.obtain(
        person,
        state=secrets.token_hex(64),
        nonce=secrets.token_hex(22)[:43] if second.variant.openid else None,
        dpop_jkt=second.proof_key.thumbprint if second.dpop else None,
    )
    refused = rp.call(second_token)
    assert refused.status_int == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert second.call(second_token).status_int == 200


@module("user-rejects-authentication")
def test_user_rejects_authentication(rp: FAPIRelyingParty, person: Browser) -> None:
    page = rp.authorize(person)
    refused = follow_to_answer(page.forms["consent"].submit("decision", value="deny"))
    assert rp.refusal(refused) == "access_denied"


@module("ensure-authorization-request-without-state-success")
def test_ensure_authorization_request_without_state_success(
    rp: FAPIRelyingParty, person: Browser
) -> None:
    assert "state" not in rp.log_in(person, state=None).response


@module("ensure-authorization-request-without-nonce-success")
def test_ensure_authorization_request_without_nonce_success(
    rp: FAPIRelyingParty, person: Browser
) -> None:
    assert "nonce" not in rp.log_in(person, nonce=None).claims


@pytest.mark.parametrize("length", [43, 64])
@module("ensure-authorization-request-with-64-char-nonce-success")
def test_ensure_authorization_request_with_64_char_nonce_success(
    rp: FAPIRelyingParty, person: Browser, length: int
) -> None:
    nonce = secrets.token_hex(length)[:length]
    assert rp.log_in(person, nonce=nonce).claims["nonce"] == nonce


@module("ensure-authorization-request-with-long-nonce")
def test_ensure_authorization_request_with_long_nonce(
    rp: FAPIRelyingParty, person: Browser
) -> None:
    nonce = secrets.token_hex(192)
    assert rp.log_in(person, nonce=nonce).claims["nonce"] == nonce


@module("ensure-authorization-request-with-long-state")
def test_ensure_authorization_request_with_long_state(
    rp: FAPIRelyingParty, person: Browser
) -> None:
    state = secrets.token_hex(500)
    assert rp.log_in(person, state=state).response["state"] == state


@module("ensure-other-scope-order-succeeds")
def test_ensure_other_scope_order_succeeds(rp: FAPIRelyingParty, person: Browser) -> None:
    assert rp.log_in(person, scope="email profile openid").claims["sub"]


@module("test-claims-parameter-identity-claims")
def test_test_claims_parameter_identity_claims(rp: FAPIRelyingParty, person: Browser) -> None:
    """Every standard claim comes in both places where it is asked for; others are ignored."""
    assert rp.metadata["claims_parameter_supported"] is True
    standard = {name for names in SCOPES.values() for name in names}
    assert standard <= set(rp.metadata["claims_supported"])
    wish = {**dict.fromkeys(standard), "name": {"essential": True}, "shoe_size": None}
    asked = json.dumps({"id_token": wish, "userinfo": wish})
    outcome = rp.log_in(person, scope="openid", claims=asked)
    for name in standard:
        assert outcome.claims[name] == outcome.userinfo[name]
