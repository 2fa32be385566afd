"""FAPI-CIBA: a mistake in a signed request is an invalid_request (CIBA sections 7.1.1 and 13)."""

from typing import Any

from support.conformance_ciba_plans import ciba_module
from support.request_signing import unsigned
from support.strict_ciba_client import StrictCibaClient

from oidcserver import clock

MINUTE = 60


def assert_rejected(client: StrictCibaClient, request: str) -> None:
    """Send a request, which has to be rejected; one without the mistake is accepted."""
    assert client.rejection(client.send(request)) == (400, "invalid_request")
    client.ask()


def assert_claim_rejected(client: StrictCibaClient, **change: Any) -> None:
    """Send a signed request with one other claim, which has to be rejected."""
    assert_rejected(client, client.request_object(**change))


@ciba_module("fapi-ciba-id1-ensure-request-object-missing-aud-fails")
def test_fapi_ciba_id1_ensure_request_object_missing_aud_fails(first: StrictCibaClient) -> None:
    assert_claim_rejected(first, aud=...)


@ciba_module("fapi-ciba-id1-ensure-request-object-bad-aud-fails")
def test_fapi_ciba_id1_ensure_request_object_bad_aud_fails(first: StrictCibaClient) -> None:
    assert_claim_rejected(first, aud="https://other.example/")


@ciba_module("fapi-ciba-id1-ensure-request-object-missing-iss-fails")
def test_fapi_ciba_id1_ensure_request_object_missing_iss_fails(first: StrictCibaClient) -> None:
    assert_claim_rejected(first, iss=...)


@ciba_module("fapi-ciba-id1-ensure-request-object-bad-iss-fails")
def test_fapi_ciba_id1_ensure_request_object_bad_iss_fails(
    first: StrictCibaClient, second: StrictCibaClient
) -> None:
    assert_claim_rejected(first, iss=second.client_id)


@ciba_module("fapi-ciba-id1-ensure-request-object-missing-exp-fails")
def test_fapi_ciba_id1_ensure_request_object_missing_exp_fails(first: StrictCibaClient) -> None:
    assert_claim_rejected(first, exp=...)


@ciba_module("fapi-ciba-id1-ensure-request-object-expired-exp-fails")
def test_fapi_ciba_id1_ensure_request_object_expired_exp_fails(first: StrictCibaClient) -> None:
    assert_claim_rejected(first, exp=clock.now() - 60 * MINUTE)


@ciba_module("fapi-ciba-id1-ensure-request-object-exp-is-70-minutes-in-future-fails")
def test_fapi_ciba_id1_ensure_request_object_exp_is_70_minutes_in_future_fails(
    first: StrictCibaClient,
) -> None:
    assert_claim_rejected(first, exp=clock.now() + 70 * MINUTE)


@ciba_module("fapi-ciba-id1-ensure-request-object-missing-iat-fails")
def test_fapi_ciba_id1_ensure_request_object_missing_iat_fails(first: StrictCibaClient) -> None:
    assert_claim_rejected(first, iat=...)


@ciba_module("fapi-ciba-id1-ensure-request-object-missing-nbf-fails")
def test_fapi_ciba_id1_ensure_request_object_missing_nbf_fails(first: StrictCibaClient) -> None:
    assert_claim_rejected(first, nbf=...)


@ciba_module("fapi-ciba-id1-ensure-request-object-nbf-is-10-minutes-in-future-fails")
def test_fapi_ciba_id1_ensure_request_object_nbf_is_10_minutes_in_future_fails(
    first: StrictCibaClient,
) -> None:
    assert_claim_rejected(first, nbf=clock.now() + 10 * MINUTE)


@ciba_module("fapi-ciba-id1-ensure-request-object-nbf-is-70-minutes-in-past-fails")
def test_fapi_ciba_id1_ensure_request_object_nbf_is_70_minutes_in_past_fails(
    first: StrictCibaClient,
) -> None:
    assert_claim_rejected(first, nbf=clock.now() - 70 * MINUTE)


@ciba_module("fapi-ciba-id1-ensure-request-object-missing-jti-fails")
def test_fapi_ciba_id1_ensure_request_object_missing_jti_fails(first: StrictCibaClient) -> None:
    assert_claim_rejected(first, jti=...)


@ciba_module("fapi-ciba-id1-ensure-request-object-signature-algorithm-is-none-fails")
def test_fapi_ciba_id1_ensure_request_object_signature_algorithm_is_none_fails(
    first: StrictCibaClient,
) -> None:
    assert_rejected(first, unsigned(first.request_claims()))


@ciba_module("fapi-ciba-id1-ensure-request-object-signature-algorithm-is-bad-fails")
def test_fapi_ciba_id1_ensure_request_object_signature_algorithm_is_bad_fails(
    first: StrictCibaClient,
) -> None:
    signed, _, signature = first.request_object().rpartition(".")
    changed = ("A" if signature[0] != "A" else "B") + signature[1:]
    assert_rejected(first, f"{signed}.{changed}")


@ciba_module("fapi-ciba-id1-ensure-request-object-signature-algorithm-is-RS256-fails")
def test_fapi_ciba_id1_ensure_request_object_signature_algorithm_is_rs256_fails(
    first: StrictCibaClient,
) -> None:
    assert_rejected(first, first.signing_with("RS256").sign(first.request_claims()))


@ciba_module("fapi-ciba-id1-ensure-request-object-signed-by-other-client-fails")
def test_fapi_ciba_id1_ensure_request_object_signed_by_other_client_fails(
    first: StrictCibaClient, second: StrictCibaClient
) -> None:
    assert_rejected(first, second.signer.sign(first.request_claims()))


@ciba_module("fapi-ciba-id1-ensure-authorization-request-with-multiple-hints-fails")
def test_fapi_ciba_id1_ensure_authorization_request_with_multiple_hints_fails(
    first: StrictCibaClient,
) -> None:
    assert_claim_rejected(first, login_hint_token="x" * 20)


@ciba_module("fapi-ciba-id1-ensure-unsigned-backchannel-authorization-request-fails")
def test_fapi_ciba_id1_ensure_unsigned_backchannel_authorization_request_fails(
    first: StrictCibaClient,
) -> None:
    parameters = {name: str(value) for name, value in first.request_claims().items()}
    assert first.rejection(first.send_form(parameters)) == (400, "invalid_request")
    first.ask()
