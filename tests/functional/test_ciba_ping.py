"""The ping mode of CIBA: the client is notified that the user has decided (section 10.2)."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from support.app import Browser, Provider
from support.ciba import NOTIFICATION_TOKEN, SETTINGS, CibaClient, decide, user
from support.notification_endpoint import NotificationEndpoint

from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.clients.registration import update_client
from oidcserver.models import BackchannelRequest, Client, PingDelivery

pytestmark = pytest.mark.both_databases


@pytest.fixture
def endpoint() -> Iterator[NotificationEndpoint]:
    running = NotificationEndpoint()
    yield running
    running.close()


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    provider: Provider = make_provider(**SETTINGS)
    return provider


@pytest.fixture
def alice(provider: Provider) -> Browser:
    return user(provider)


def pinged(provider: Provider, endpoint: NotificationEndpoint, **metadata: Any) -> CibaClient:
    """Register a client that is notified."""
    values = {
        "backchannel_token_delivery_mode": "ping",
        "backchannel_client_notification_endpoint": endpoint.url,
        **metadata,
    }
    return CibaClient(provider, **values)


def ask(client: CibaClient, **parameters: Any) -> str:
    return client.ask(client_notification_token=NOTIFICATION_TOKEN, **parameters)


def deliver(provider: Provider) -> None:
    """Send the notifications that are due, and wait for them."""
    provider.registry.oidc.ping_deliverer.deliver_due()


def deliveries(provider: Provider) -> list[PingDelivery]:
    with provider.database() as dbsession:
        rows = list(dbsession.scalars(select(PingDelivery)))
        dbsession.expunge_all()
    return rows


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_the_client_is_notified_of_each_decision_and_fetches_it(
    provider: Provider, endpoint: NotificationEndpoint, alice: Browser, decision: str
) -> None:
    client = pinged(provider, endpoint)
    auth_req_id = ask(client)
    assert deliveries(provider) == []
    decide(alice, decision)
    deliver(provider)
    [(path, content_type, authorization, body)] = endpoint.posts
    assert path == "/ciba?tenant=1"
    assert content_type == "application/json"
    assert authorization == f"Bearer {NOTIFICATION_TOKEN}"
    assert body == {"auth_req_id": auth_req_id}
    if decision == "deny":
        assert client.error(auth_req_id) == "access_denied"
        return
    assert "access_token" in client.poll(auth_req_id)
    assert client.error(auth_req_id) == "invalid_grant", "once, in this mode too"
    deliver(provider)
    assert len(endpoint.posts) == 1


def test_a_client_in_ping_mode_may_poll_too(
    provider: Provider, endpoint: NotificationEndpoint, alice: Browser
) -> None:
    client = pinged(provider, endpoint)
    auth_req_id = ask(client)
    assert client.error(auth_req_id) == "authorization_pending"
    decide(alice)
    assert "access_token" in client.poll(auth_req_id)


def test_the_notification_token_is_a_bearer_token_of_128_bits(
    provider: Provider, endpoint: NotificationEndpoint, alice: Browser
) -> None:
    client = pinged(provider, endpoint)
    for token in (
        None,
        "x" * 21,  # 126 bits at most
        "1" * 38,
        "deadbeef" * 3,
        "x" * 1025,
        "a b" * 20,
        "=" * 40,
        "tökentökentökentökentöken",
        '"quoted"quoted"quoted"quoted"',
    ):
        assert client.refused(client_notification_token=token) == "invalid_request", token
    for token in ("x" * 22, "4" * 39, "deadbeef" * 4, "a-._~+/b" * 3 + "=="):
        client.ask(client_notification_token=token)
        decide(alice)
        deliver(provider)
        assert endpoint.posts[-1][2] == f"Bearer {token}"


def test_a_client_that_polls_is_not_notified(
    provider: Provider, endpoint: NotificationEndpoint, alice: Browser
) -> None:
    client = pinged(provider, endpoint, backchannel_token_delivery_mode="poll")
    client.ask(client_notification_token="short")
    decide(alice)
    deliver(provider)
    assert endpoint.posts == []


def test_an_endpoint_that_may_not_be_called_is_not_registered(
    make_provider: Any, endpoint: NotificationEndpoint
) -> None:
    provider = make_provider(**SETTINGS, oauth__outbound_allow_loopback="false")
    for uri in (
        None,
        "http://client.example/ciba",
        "https://127.0.0.1/ciba",
        "https://localhost/ciba",
        "https://10.0.0.7/ciba",
        "https://[::ffff:127.0.0.1]/ciba",
        "https://169.254.169.254/ciba",
        "https://2130706433/ciba",
        "https://user@client.example/ciba",
        "https://client.example/ciba#part",
        "javascript:alert(1)",
        7,
    ):
        with pytest.raises(InvalidClientMetadata) as refused:
            pinged(provider, endpoint, backchannel_client_notification_endpoint=uri)
        assert refused.value.error == "invalid_client_metadata"
    assert endpoint.posts == []


def test_an_address_that_is_not_allowed_any_more_gets_no_packet(
    make_provider: Any, provider: Provider, endpoint: NotificationEndpoint
) -> None:
    client = pinged(provider, endpoint)
    strict = make_provider(**SETTINGS, oauth__outbound_allow_loopback="false")
    client.rp.http.app = strict.wsgi
    alice = user(strict)
    ask(client)
    decide(alice)
    deliver(strict)
    assert endpoint.posts == []
    assert deliveries(strict)[0].problem


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_ends_the_notification(
    provider: Provider,
    endpoint: NotificationEndpoint,
    alice: Browser,
    frozen: Any,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    client = pinged(provider, endpoint)
    auth_req_id = ask(client)
    endpoint.status, endpoint.headers = status, {"Location": "/elsewhere"}
    decide(alice)
    deliver(provider)
    endpoint.status, endpoint.headers = 204, {}
    frozen.advance(60)
    deliver(provider)
    assert [post[0] for post in endpoint.posts] == ["/ciba?tenant=1"]
    [delivery] = deliveries(provider)
    assert delivery.ended_at is not None
    assert f"was not notified of a decision: {delivery.problem}" in caplog.text
    assert "a redirect, which is not followed" in delivery.problem
    assert "access_token" in client.poll(auth_req_id), "the client may still poll"


def test_an_endpoint_that_fails_is_notified_again_until_the_request_expires(
    provider: Provider,
    endpoint: NotificationEndpoint,
    alice: Browser,
    frozen: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = pinged(provider, endpoint)
    endpoint.status = 503
    ask(client, requested_expiry="60")
    decide(alice)
    deliver(provider)
    assert f"{client.rp.client_id} was not notified of a decision yet" in caplog.text
    assert NOTIFICATION_TOKEN not in caplog.text
    frozen.advance(10)
    deliver(provider)
    assert len(endpoint.posts) == 2
    for _ in range(60):
        frozen.advance(1)
        deliver(provider)
    [delivery] = deliveries(provider)
    assert delivery.ended_at is not None
    assert "No further attempt is made" in delivery.problem
    assert f"was not notified of a decision: {delivery.problem}" in caplog.text
    assert len(endpoint.posts) < 6


@pytest.mark.parametrize("status", [401, 403])
def test_a_client_that_rejects_its_token_is_not_notified_again(
    provider: Provider, endpoint: NotificationEndpoint, alice: Browser, frozen: Any, status: int
) -> None:
    """The suite's ping modules with a response of 401 or 403 require it."""
    client = pinged(provider, endpoint)
    endpoint.status = status
    auth_req_id = ask(client)
    decide(alice)
    deliver(provider)
    frozen.advance(60)
    deliver(provider)
    assert len(endpoint.posts) == 1
    assert f"status {status}" in deliveries(provider)[0].problem
    assert "access_token" in client.poll(auth_req_id), "the client may still poll"


def test_one_that_expired_before_a_process_looked_is_told_to_the_log(
    provider: Provider,
    endpoint: NotificationEndpoint,
    alice: Browser,
    frozen: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = pinged(provider, endpoint)
    endpoint.status = 503
    ask(client, requested_expiry="60")
    decide(alice)
    deliver(provider)
    frozen.advance(60)
    deliver(provider)
    assert len(endpoint.posts) == 1
    assert "was not notified of a decision: No attempt was made in time." in caplog.text
    assert deliveries(provider)[0].ended_at is not None


def test_a_host_that_hangs_holds_nobody_up(
    provider: Provider, endpoint: NotificationEndpoint, alice: Browser
) -> None:
    quick = NotificationEndpoint()
    try:
        hanging, other = pinged(provider, endpoint), pinged(provider, quick)
        endpoint.may_answer.clear()
        ask(hanging)
        decide(alice)  # the user does not wait for the client
        assert endpoint.heard.wait(10)
        ask(other)
        decide(alice)
        assert quick.heard.wait(10)
        assert not endpoint.may_answer.is_set()
    finally:
        endpoint.may_answer.set()
        quick.close()


def test_what_a_process_left_undone_the_next_one_does(
    make_provider: Any, endpoint: NotificationEndpoint
) -> None:
    first = make_provider(**SETTINGS)
    client, alice = pinged(first, endpoint), user(first)
    auth_req_id = ask(client)
    first.registry.oidc.ping_deliverer.stop()  # it dies between the commit and the delivery
    decide(alice)
    assert endpoint.posts == []
    second = make_provider(**SETTINGS)
    second.browser().get("/")  # the first request lets a process look
    assert endpoint.heard.wait(10)
    assert endpoint.posts[0][3] == {"auth_req_id": auth_req_id}


def test_a_client_that_has_no_endpoint_any_more_is_not_notified(
    provider: Provider, endpoint: NotificationEndpoint, alice: Browser
) -> None:
    client = pinged(provider, endpoint)
    auth_req_id = ask(client)
    with provider.database() as dbsession:
        row = dbsession.get_one(Client, client.rp.client_id)
        kept = {k: v for k, v in row.client_metadata.items() if "backchannel" not in k}
        update_client(provider.registry.oidc.provider, dbsession, row, kept)
    decide(alice)
    deliver(provider)
    assert endpoint.posts == []
    assert "no longer has" in deliveries(provider)[0].problem
    assert "access_token" in client.poll(auth_req_id)


def test_the_database_has_neither_token_nor_auth_req_id(
    provider: Provider, endpoint: NotificationEndpoint, alice: Browser
) -> None:
    client = pinged(provider, endpoint)
    auth_req_id = ask(client)
    decide(alice)
    with provider.database() as dbsession:
        for table in (BackchannelRequest.__table__, PingDelivery.__table__):
            cells = [str(cell) for row in dbsession.execute(select(table)) for cell in row]
            assert cells
            assert not [it for it in cells if auth_req_id in it or NOTIFICATION_TOKEN in it]


def test_where_ping_is_not_selected_no_client_registers_for_it(
    make_provider: Any, endpoint: NotificationEndpoint
) -> None:
    provider = make_provider(**SETTINGS, oidc__ciba_delivery_modes="poll")
    with pytest.raises(InvalidClientMetadata, match="backchannel_token_delivery_mode"):
        pinged(provider, endpoint)
    assert not hasattr(provider.registry.oidc, "ping_deliverer")


def test_push_is_not_offered(provider: Provider, endpoint: NotificationEndpoint) -> None:
    with pytest.raises(InvalidClientMetadata, match="is not one of poll, ping"):
        pinged(provider, endpoint, backchannel_token_delivery_mode="push")
