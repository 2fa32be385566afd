"""A host that hangs holds a share of the threads; whoever else needs one is told at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import webtest
from joserfc.jwk import ECKey
from support.app import Provider
from support.assertions import Signer
from support.client_host import ClientHost
from support.upstream import Upstream

SELECTED = {
    "oauth__endpoints": "authorization token userinfo jwks registration openid_configuration",
    "oauth__registration": "open",
    "oidc__request_uri_parameter": "true",
    "oauth__outbound_places": "2",
}


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(**SELECTED)
    return made


@contextmanager
def waiting(host: ClientHost, work: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Let a request wait for the host, which answers at the end of the ``with``."""
    host.asked.clear()
    host.may_answer.clear()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        assert host.asked.wait(10)
        try:
            yield future
            assert not future.done()
        finally:
            host.may_answer.set()


def by_reference(provider: Provider, host: ClientHost) -> Callable[[], Any]:
    client = provider.register(request_uris=[host.publish("/r", b"no JWT")])
    uri = f"{host.origin}/r"
    return lambda: client.answer(
        client.authorize(provider.browser(), request_uri=uri, follow=False)
    )


def robot(provider: Provider, uri: str) -> Callable[..., Any]:
    """Return what a client does that authenticates with keys at a host."""
    client = provider.register(
        jwks_uri=uri,
        grant_types=["client_credentials"],
        response_types=[],
        redirect_uris=[],
        scope="profile",
        token_endpoint_auth_method="private_key_jwt",
    )
    signer = Signer(client.client_id, "ES256", ECKey.generate_key("P-256"), provider.issuer)

    def token(**expected: Any) -> Any:
        form = signer.form(signer.sign(signer.claims(), kid="1"))
        return client.token(grant_type="client_credentials", **form, **expected)

    return token


def test_a_request_object_is_to_be_had_later(provider: Provider, host: ClientHost) -> None:
    first, second = by_reference(provider, host), by_reference(provider, host)
    with waiting(host, first):
        answer = second()
        assert answer["error"] == "temporarily_unavailable"
        assert answer["state"] == "the-state"
    assert host.requests == ["/r"]


def test_so_are_a_clients_keys(provider: Provider, host: ClientHost) -> None:
    first, second = robot(provider, f"{host.origin}/1"), robot(provider, f"{host.origin}/2")
    with waiting(host, lambda: first(status=401)):
        later = second(status=503)
        assert later.json["error"] == "temporarily_unavailable"
        assert int(later.headers["Retry-After"]) > 0
        first(status=503)
    assert host.requests == ["/1"]
    second(status=401)  # the host has nothing, and is asked as soon as there is a place


def test_so_is_a_sector(provider: Provider, host: ClientHost) -> None:
    def register() -> Any:
        members = {
            "redirect_uris": ["https://client.example/cb"],
            "sector_identifier_uri": f"{host.origin}/sector",
        }
        http = webtest.TestApp(provider.wsgi)
        return http.post_json("/oauth/register", members, expect_errors=True)

    with waiting(host, register) as first:
        later = register()
        assert (later.status_int, later.json["error"]) == (503, "temporarily_unavailable")
        assert int(later.headers["Retry-After"]) > 0
    assert first.result(10).json["error"] == "invalid_client_metadata"
    assert host.requests == ["/sector"]


def test_one_host_leaves_places_for_others_and_nobody_else_notices(
    provider: Provider, host: ClientHost
) -> None:
    other = ClientHost()
    try:
        quick = provider.register(
            grant_types=["client_credentials"], response_types=[], redirect_uris=[], scope="profile"
        )
        with waiting(host, by_reference(provider, host)):
            robot(provider, f"{other.origin}/1")(status=401)
            quick.token(grant_type="client_credentials")
        assert other.requests == ["/1"]
    finally:
        other.close()


def test_a_sign_in_at_an_upstream_waits_in_the_same_places(
    make_provider: Any, host: ClientHost, upstream: Upstream
) -> None:
    provider = make_provider(
        **{**SELECTED, "oauth__outbound_places": "1"}, **upstream.settings(allow_registration=True)
    )
    first, browser = by_reference(provider, host), provider.browser()
    with waiting(host, first):
        failed = browser.get("/login").forms["upstream-other"].submit()
        assert failed.location.endswith("/login?notice=upstream")
        assert upstream.requests == []
    upstream.sign_in(browser)
    assert browser.get("/account").status_code == 200


def test_a_page_for_want_of_a_place_says_when_to_come_back(
    provider: Provider, host: ClientHost
) -> None:
    first = by_reference(provider, host)
    client = provider.register(request_uris=[f"{host.origin}/r"])
    with waiting(host, first):
        page = client.authorize(
            provider.browser(), request_uri=f"{host.origin}/r", redirect_uri=None
        )
        assert (page.status_int, page.content_type) == (503, "text/html")
        assert int(page.headers["Retry-After"]) > 0
