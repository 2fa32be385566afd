"""FAPI-CIBA: a client authenticates at both endpoints by its key or by its certificate."""

from support.conformance_ciba import Approver
from support.conformance_ciba_plans import ciba_module
from support.strict_ciba_client import StrictCibaClient

UNAUTHENTICATED = (401, "invalid_client")


def assert_still_pending(client: StrictCibaClient, approver: Approver, auth_req_id: str) -> None:
    """Check that the attempt of somebody who did not authenticate has used nothing up."""
    assert client.poll_error(auth_req_id) == "authorization_pending"
    approver.decide(auth_req_id)
    client.expect_notification(auth_req_id)
    client.fetch(auth_req_id)


# private_key_jwt


@ciba_module("fapi-ciba-id1-ensure-without-client-assertion-in-token-endpoint-request")
def test_fapi_ciba_id1_ensure_without_client_assertion_in_token_endpoint_request(
    first: StrictCibaClient, approver: Approver
) -> None:
    auth_req_id = first.ask()
    response = first.poll(auth_req_id, client_id=first.client_id)
    assert first.rejection(response) == UNAUTHENTICATED
    assert_still_pending(first, approver, auth_req_id)


@ciba_module("fapi-ciba-id1-ensure-without-client-assertion-in-backchannel-authorization-request")
def test_fapi_ciba_id1_ensure_without_client_assertion_in_backchannel_authorization_request(
    first: StrictCibaClient,
) -> None:
    response = first.send(first.request_object(), client_id=first.client_id)
    assert first.rejection(response) == UNAUTHENTICATED


@ciba_module(
    "fapi-ciba-id1-ensure-client-assertion-signature-algorithm-in-backchannel-authorization"
    "-request-is-RS256-fails"
)
def test_fapi_ciba_id1_ensure_client_assertion_signature_algorithm_in_backchannel_authorization_request_is_rs256_fails(  # noqa: E501
    first: StrictCibaClient,
) -> None:
    url = first.url("backchannel_authentication_endpoint", alias=False)
    signer = first.signing_with("RS256")
    response = first.send(first.request_object(), **signer.form(signer.assertion(aud=url)))
    assert first.rejection(response) == UNAUTHENTICATED


@ciba_module(
    "fapi-ciba-id1-ensure-client-assertion-signature-algorithm-in-token-endpoint-request-is-RS256"
    "-fails"
)
def test_fapi_ciba_id1_ensure_client_assertion_signature_algorithm_in_token_endpoint_request_is_rs256_fails(  # noqa: E501
    first: StrictCibaClient, approver: Approver
) -> None:
    auth_req_id = first.ask()
    url, signer = first.url("token_endpoint", alias=True), first.signing_with("RS256")
    response = first.poll(auth_req_id, **signer.form(signer.assertion(aud=url)))
    assert first.rejection(response) == UNAUTHENTICATED
    assert_still_pending(first, approver, auth_req_id)


@ciba_module("fapi-ciba-id1-ensure-client-assertion-with-iss-aud-to-token-endpoint-succeeds")
def test_fapi_ciba_id1_ensure_client_assertion_with_iss_aud_to_token_endpoint_succeeds(
    first: StrictCibaClient,
) -> None:
    own = first.authentication(first.provider.issuer)
    assert first.poll_error(first.ask(), **own) == "authorization_pending"


# mtls


@ciba_module(
    "fapi-ciba-id1-ensure-different-client-id-and-issuer-in-backchannel-authorization-request"
)
def test_fapi_ciba_id1_ensure_different_client_id_and_issuer_in_backchannel_authorization_request(
    first: StrictCibaClient, second: StrictCibaClient
) -> None:
    response = first.send(first.request_object(), client_id=second.client_id)
    assert first.rejection(response) == UNAUTHENTICATED


@ciba_module("fapi-ciba-id1-ensure-wrong-client-id-in-token-endpoint-request")
def test_fapi_ciba_id1_ensure_wrong_client_id_in_token_endpoint_request(
    first: StrictCibaClient, second: StrictCibaClient, approver: Approver
) -> None:
    auth_req_id = first.ask()
    response = first.poll(auth_req_id, client_id=second.client_id)
    assert first.rejection(response) == UNAUTHENTICATED
    assert_still_pending(first, approver, auth_req_id)


@ciba_module("fapi-ciba-id1-ensure-wrong-client-id-in-backchannel-authorization-request")
def test_fapi_ciba_id1_ensure_wrong_client_id_in_backchannel_authorization_request(
    first: StrictCibaClient, second: StrictCibaClient
) -> None:
    request = first.request_object(iss=second.client_id)
    assert first.rejection(first.send(request, client_id=second.client_id)) == UNAUTHENTICATED
