"""Request objects by reference: what is fetched, and what never is (OpenID Core section 6.2)."""

import json
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import pytest
from joserfc.jwk import Key
from pyramid.interfaces import INewRequest
from support.app import REDIRECT_URI, Provider, RelyingParty
from support.assertions import Signer
from support.client_host import ClientHost
from support.request_signing import make_private_keys, public, register, unsigned

from oidcserver.http.outbound import OutboundFetcher, OutboundFetchError
from oidcserver.models import Client
from oidcserver.types import FetchCause, FetchResult

SELECTED = {
    "oidc__request_uri_parameter": "true",
    "oauth__request_object_signing_algs": "RS256 ES256 none",
    "oauth__outbound_allow_loopback": "true",
}


@pytest.fixture(scope="module")
def key() -> Key:
    return make_private_keys()["ES256"]


@pytest.fixture
def host() -> Iterator[ClientHost]:
    host = ClientHost()
    yield host
    host.close()


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(**SELECTED)
    return made


def ask(client: RelyingParty, request_uri: str, **changes: Any) -> Any:
    return client.authorize(client.provider.browser(), request_uri=request_uri, **changes)


def refusal(client: RelyingParty, request_uri: str, **changes: Any) -> str:
    """Ask by reference in vain; return the error that the client gets."""
    answer = client.answer(ask(client, request_uri, **changes))
    assert (answer["state"], answer["iss"]) == ("the-state", client.provider.issuer)
    assert set(answer) == {"error", "error_description", "state", "iss"}
    return answer["error"]


# -- what is fetched ------------------------------------------------------------------------


def test_a_registered_object_is_fetched_once_and_its_parameters_last(
    provider: Provider, host: ClientHost, key: Key
) -> None:
    uri = host.publish("/request.jwt?version=1", "")
    client, signer = register(provider, key, request_uris=[uri])
    host.publish("/request.jwt?version=1", signer.sign({"state": "inside", "scope": "openid"}))
    answer = client.answer(client.complete(ask(client, uri)))
    assert answer["state"] == "inside"
    assert client.exchange(answer["code"])["scope"] == "openid"
    assert host.requests == ["/request.jwt?version=1"], "the pages did not need it again"


@pytest.mark.parametrize("registered", ["", "#first"])
@pytest.mark.parametrize("sent", ["", "#first", "#second"])
def test_the_fragment_may_vary_and_is_not_sent(
    provider: Provider, host: ClientHost, registered: str, sent: str
) -> None:
    uri = host.publish("/r", unsigned({"state": "inside"}))
    client = provider.register(request_uris=[uri + registered])
    page = ask(client, uri + sent)
    assert client.answer(client.complete(page))["state"] == "inside"
    assert host.requests == ["/r"]


def test_neither_media_type_nor_a_newline_matters(provider: Provider, host: ClientHost) -> None:
    uri = host.publish("/r", "\n" + unsigned({"state": "inside"}) + "\r\n")
    client = provider.register(request_uris=[uri])
    for media_type in ("application/oauth-authz-req+jwt", "text/plain", "image/png"):
        host.headers = {"Content-Type": media_type}
        assert "login" in ask(client, uri).forms


def test_the_keys_may_be_fetched_too_by_who_is_signed_in(
    provider: Provider, host: ClientHost, key: Key
) -> None:
    uri, jwks_uri = host.publish("/r", ""), host.publish("/jwks", json.dumps(public(key)))
    client = provider.register(request_uris=[uri], jwks_uri=jwks_uri)
    signer = Signer(client.client_id, "ES256", key, provider.issuer)
    host.publish("/r", signer.sign({"state": "inside"}))
    browser = provider.browser()
    browser.sign_in("alice")
    page = client.authorize(browser, request_uri=uri)
    assert "consent" in page.forms
    answer = client.answer(client.complete(page))
    assert answer["state"] == "inside"
    assert client.exchange(answer["code"])["access_token"]
    assert host.requests == ["/r", "/jwks"]


def test_who_asked_for_the_person_before_the_provider_does_not_matter(
    provider: Provider, host: ClientHost
) -> None:
    seen: list[Any] = []
    provider.registry.registerHandler(
        lambda event: seen.append(event.request.identity), (INewRequest,)
    )
    uri = host.publish("/r", unsigned({"state": "inside"}))
    client = provider.register(request_uris=[uri])
    browser = provider.browser()
    browser.sign_in("alice")
    page = client.authorize(browser, request_uri=uri)
    assert client.answer(client.complete(page))["state"] == "inside"
    again = client.authorize(browser, request_uri=uri)
    assert client.answer(client.complete(again))["state"] == "inside"
    assert "alice" in {person.username for person in seen if person is not None}


@pytest.mark.both_databases
def test_nobody_else_waits_for_a_slow_host(make_provider: Any, host: ClientHost) -> None:
    provider = make_provider(**SELECTED)
    uri = host.publish("/r", unsigned({"state": "inside"}))
    slow, quick = provider.register(request_uris=[uri]), provider.register()
    host.may_answer.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, slow, uri)
        try:
            assert host.asked.wait(10)
            assert "code" in quick.login(provider.browser())
            assert not waiting.done()
        finally:
            host.may_answer.set()
        assert slow.answer(slow.complete(waiting.result(10)))["state"] == "inside"


@pytest.mark.parametrize("change", ["gone", "has to sign"])
def test_what_happened_to_the_client_meanwhile_counts(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    client = provider.register(request_uris=["https://client.example/r"])

    def answer_late(*arguments: Any) -> FetchResult:
        with provider.database() as dbsession:
            stored = dbsession.get(Client, client.client_id)
            if change == "gone":
                dbsession.delete(stored)
            else:
                members = {**stored.client_metadata, "require_signed_request_object": True}
                stored.client_metadata = members
        return FetchResult(200, "", unsigned({}).encode())

    monkeypatch.setattr(OutboundFetcher, "get", answer_late)
    page = ask(client, "https://client.example/r")
    if change == "gone":
        assert (page.status_int, page.content_type) == (400, "text/html")
    else:
        assert client.answer(page)["error"] == "invalid_request_object"


def digest(document: str) -> str:
    return urlsafe_b64encode(sha256(document.encode()).digest()).decode().rstrip("=")


@pytest.mark.both_databases
@pytest.mark.parametrize("known", [True, False])
def test_strangers_cause_a_limited_number_of_fetches(
    make_provider: Any, host: ClientHost, known: bool
) -> None:
    provider = make_provider(**SELECTED, oauth__client_document_limit="8")
    uri = host.publish("/r", unsigned({"state": "inside"}))
    client = provider.register(request_uris=[uri])
    with provider.database() as dbsession:
        dbsession.merge(client.client).self_registered = not known
    # The network of one visitor: a quarter where anybody can be the client.
    allowed = 8 if known else 2
    statuses = [ask(client, uri).status_int for _ in range(allowed + 3)]
    assert statuses == [200] * allowed + [429] * 3
    for number in range(10):
        other = provider.browser()
        other.extra_environ["REMOTE_ADDR"] = f"192.0.2.{number}"
        statuses.append(client.authorize(other, request_uri=uri).status_int)
    assert Counter(statuses[allowed + 3 :]) == ({200: 10} if known else {200: 6, 429: 4})
    assert len(host.requests) == (18 if known else 8)


def test_an_object_whose_uri_has_its_digest_is_fetched_once(
    make_provider: Any, host: ClientHost
) -> None:
    provider = make_provider(**SELECTED, oauth__client_document_limit="3")
    first, second = unsigned({"state": "first"}), unsigned({"state": "second"})
    uri = host.publish("/r", first)
    client = provider.register(request_uris=[uri])
    for _ in range(5):
        assert client.answer(client.complete(ask(client, f"{uri}#{digest(first)}")))["state"] == (
            "first"
        )
    host.publish("/r", second)
    answer = client.answer(client.complete(ask(client, f"{uri}#{digest(second)}")))
    assert answer["state"] == "second"
    assert host.requests == ["/r"] * 2


def test_a_uri_that_a_visitor_chooses_takes_the_places_of_strangers(
    make_provider: Any, host: ClientHost
) -> None:
    provider = make_provider(
        **SELECTED, oidc__require_request_uri_registration="false", oauth__outbound_places="2"
    )
    uri = host.publish("/r", unsigned({}))
    careless, other = provider.register(), provider.register(request_uris=[uri])
    with provider.registry.oidc.waiting_places.taken(
        "https://slow.example/", FetchCause("keys", "stranger", "192.0.2.1", anybody=True)
    ):
        assert refusal(careless, uri) == "temporarily_unavailable"
        assert "login" in ask(other, uri).forms


# -- what is not ----------------------------------------------------------------------------


@pytest.fixture
def nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever as much as looks up a name fails the test."""

    def fail(*arguments: Any, **options: Any) -> None:
        pytest.fail("something was sent")

    monkeypatch.setattr(OutboundFetcher, "get", fail)


ELSEWHERE = [
    "https://client.example/other", "https://client.example/r?x=1", "https://client.example/R",
    "https://client.example/r/", "https://client.example:443/r", "https://client.example./r",
    "HTTPS://client.example/r", "https://client.example/r%23", "https://client.example/%72",
    "https://client.example@evil.example/r", "https://evil.example/#https://client.example/r",
    "http://client.example/r", "http://169.254.169.254/latest/meta-data", "http://127.0.0.1:6543/",
    "http://localhost:6543/", "https://[::1]/", "https://[::ffff:169.254.169.254]/",
    "https://2130706433/", "file:///etc/passwd", "gopher://127.0.0.1:6379/", "//client.example/r",
    "javascript:alert(1)", "x", " ", "#", "\\", "https://client.example/\u00e9", "urn:example:r",
    "urn:ietf:params:oauth:request_ur:ru_x", "https://client.example/r\t", " https://client.example/r",
]  # fmt: skip


@pytest.mark.usefixtures("nothing_is_sent")
def test_what_is_not_registered_is_never_fetched(provider: Provider) -> None:
    for registered in ([], ["https://client.example/r"]):
        client = provider.register(request_uris=registered)
        for uri in ELSEWHERE:
            assert refusal(client, uri) == "invalid_request_uri", uri


@pytest.mark.usefixtures("nothing_is_sent")
def test_a_client_that_registered_some_is_held_to_them_also_where_that_is_not_demanded(
    make_provider: Any,
) -> None:
    provider = make_provider(**SELECTED, oidc__require_request_uri_registration="false")
    client = provider.register(request_uris=["https://client.example/r"])
    for uri in ELSEWHERE:
        assert refusal(client, uri) == "invalid_request_uri", uri


def test_where_registration_is_not_demanded_the_inside_is_still_out_of_reach(
    make_provider: Any, host: ClientHost
) -> None:
    settings = {**SELECTED, "oauth__outbound_allow_loopback": "false"}
    provider = make_provider(**settings, oidc__require_request_uri_registration="false")
    client = provider.register()
    inside = host.publish("/r", unsigned({}))
    for uri in (inside, inside.replace("http:", "https:"), "https://localhost/", "https://10.0.0.1/",
                "https://[::ffff:127.0.0.1]/", "ftp://client.example/"):  # fmt: skip
        assert refusal(client, uri) == "invalid_request_uri"
    assert host.requests == []


def test_where_registration_is_not_demanded_any_object_is_fetched(
    make_provider: Any, host: ClientHost
) -> None:
    provider = make_provider(**SELECTED, oidc__require_request_uri_registration="false")
    client = provider.register()
    page = ask(client, host.publish("/r", unsigned({"state": "inside"})))
    assert client.answer(client.complete(page))["state"] == "inside"


@pytest.mark.usefixtures("nothing_is_sent")
def test_a_client_that_is_not_known_makes_nothing_be_fetched(provider: Provider) -> None:
    client = provider.register(request_uris=["https://client.example/r"])
    page = ask(client, "https://client.example/r", client_id="unknown")
    assert (page.status_int, page.content_type) == (400, "text/html")


@pytest.mark.usefixtures("nothing_is_sent")
def test_a_repeated_reference_is_refused(provider: Provider) -> None:
    uri = "https://client.example/r"
    client = provider.register(request_uris=[uri])
    pairs = [*client.parameters(request_uri=uri).items(), ("request_uri", uri)]
    answer = client.answer(provider.browser().get("/oauth/authorize", pairs))
    assert answer["error"] == "invalid_request"


@pytest.mark.usefixtures("nothing_is_sent")
def test_a_reference_to_a_request_of_our_own_is_not_fetched(provider: Provider) -> None:
    client = provider.register()
    page = ask(client, "urn:ietf:params:oauth:request_uri:ru_unknown")
    assert (page.status_int, page.content_type) == (400, "text/html")


# -- what comes back ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "status", "headers", "error"),
    [
        (unsigned({}), 404, {}, "invalid_request_uri"),
        (unsigned({}), 500, {}, "invalid_request_uri"),
        (unsigned({}), 201, {}, "invalid_request_uri"),
        (unsigned({}), 302, {"Location": "http://127.0.0.1/"}, "invalid_request_uri"),
        (unsigned({}), 200, {"Content-Encoding": "gzip"}, "invalid_request_uri"),
        ("x" * 65537, 200, {}, "invalid_request_uri"),
        ("x" * 65536, 200, {}, "invalid_request_object"),
        ("", 200, {}, "invalid_request_object"),
        (b"\xff\xfe", 200, {}, "invalid_request_object"),
        ("<html>", 200, {}, "invalid_request_object"),
        (unsigned({"iss": "another"}), 200, {}, "invalid_request_object"),
        (unsigned({"request_uri": "https://client.example/r"}), 200, {}, "invalid_request_object"),
        (unsigned({"request": "e30.e30."}), 200, {}, "invalid_request_object"),
    ],
)
def test_an_answer_that_is_no_request_object_is_told_to_the_client(
    provider: Provider,
    host: ClientHost,
    document: str | bytes,
    status: int,
    headers: dict[str, str],
    error: str,
) -> None:
    uri = host.publish("/r", document)
    host.status, host.headers = status, headers
    client = provider.register(request_uris=[uri])
    assert refusal(client, uri) == error
    assert host.requests == ["/r"]


def test_why_a_fetch_failed_is_not_told_to_who_asked(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> None:
        raise OutboundFetchError("The host did not accept a connection.")

    monkeypatch.setattr(OutboundFetcher, "get", fail)
    client = provider.register(request_uris=["https://client.example/r"])
    answer = client.answer(ask(client, "https://client.example/r"))
    assert answer["error_description"] == "The request_uri cannot be fetched."


def test_where_no_redirect_uri_is_known_a_failed_fetch_is_a_page(
    provider: Provider, host: ClientHost
) -> None:
    uri = host.publish("/r", unsigned({"redirect_uri": REDIRECT_URI}))
    client = provider.register(request_uris=[uri])
    assert "login" in ask(client, uri, redirect_uri=None).forms
    host.status = 404
    page = ask(client, uri, redirect_uri=None)
    assert (page.status_int, page.content_type) == (400, "text/html")
    assert "Location" not in page.headers
