"""FAPI-CIBA, ping mode: whatever the notification endpoint answers, the client gets its tokens."""

from typing import Any

import pytest
from support.conformance_ciba import Approver
from support.conformance_ciba_plans import ciba_module
from support.strict_ciba_client import StrictCibaClient


def assert_notified_once(client: StrictCibaClient, approver: Approver, frozen: Any) -> None:
    """Let the user allow a request; the client is notified once, and fetches the tokens."""
    auth_req_id = client.ask()
    approver.decide(auth_req_id)
    client.expect_notification(auth_req_id)
    frozen.advance(60)
    client.provider.notify()
    assert client.endpoint.posts == []
    client.fetch(auth_req_id)


@ciba_module("fapi-ciba-id1-ping-backchannel-notification-endpoint-response-has-body")
def test_fapi_ciba_id1_ping_backchannel_notification_endpoint_response_has_body(
    first: StrictCibaClient, approver: Approver, frozen: Any
) -> None:
    first.endpoint.status, first.endpoint.body = 200, b"The client has nothing to say."
    assert_notified_once(first, approver, frozen)


@ciba_module("fapi-ciba-id1-ping-backchannel-notification-endpoint-response-401")
def test_fapi_ciba_id1_ping_backchannel_notification_endpoint_response_401(
    first: StrictCibaClient, approver: Approver, frozen: Any
) -> None:
    first.endpoint.status, first.endpoint.body = 401, b"The token is rejected."
    assert_notified_once(first, approver, frozen)


@ciba_module("fapi-ciba-id1-ping-backchannel-notification-endpoint-response-403")
def test_fapi_ciba_id1_ping_backchannel_notification_endpoint_response_403(
    first: StrictCibaClient, approver: Approver, frozen: Any
) -> None:
    first.endpoint.status, first.endpoint.body = 403, b"The token is rejected."
    assert_notified_once(first, approver, frozen)


@ciba_module(
    "fapi-ciba-id1-ping-with-mtls-ciba-notification-endpoint-response-401-and-require-server-does"
    "-not-retry"
)
def test_fapi_ciba_id1_ping_with_mtls_ciba_notification_endpoint_response_401_and_require_server_does_not_retry(  # noqa: E501
    first: StrictCibaClient, approver: Approver, frozen: Any, caplog: pytest.LogCaptureFixture
) -> None:
    first.endpoint.status = 401
    auth_req_id = first.ask()
    approver.decide(auth_req_id)
    first.expect_notification(auth_req_id)
    first.endpoint.status = 204
    # Until the request expires.
    for _ in range(30):
        frozen.advance(10)
        first.provider.notify()
    assert first.endpoint.posts == []
    assert "rejected its notification token with status 401" in caplog.text
    assert first.notification_token not in caplog.text
    assert first.poll_error(auth_req_id) == "expired_token"


@ciba_module("fapi-ciba-id1-ping-backchannel-notification-endpoint-return-redirect-request")
def test_fapi_ciba_id1_ping_backchannel_notification_endpoint_return_redirect_request(
    first: StrictCibaClient, approver: Approver, frozen: Any
) -> None:
    first.endpoint.status = 301
    first.endpoint.headers = {"Location": "/elsewhere"}
    auth_req_id = first.ask()
    approver.decide(auth_req_id)
    first.expect_notification(auth_req_id)
    first.endpoint.status, first.endpoint.headers = 204, {}
    # The client takes its time, and is not notified once more.
    frozen.advance(15)
    first.provider.notify()
    assert first.endpoint.posts == []
    first.fetch(auth_req_id)
