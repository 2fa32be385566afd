"""The logos of clients: fetched when they are shown, judged by their content, and served by us."""

from typing import Any

import pytest
from support.app import Browser, Provider, RelyingParty
from support.client_web import ClientWeb
from support.pictures import GIF, JPEG, PNG, SVG, WEBP
from support.published_client import publish
from webtest import TestResponse

from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.http.pictures import FAILURE_AGE, MAX_AGE, MAX_PICTURES
from oidcserver.types import OPERATOR

pytestmark = pytest.mark.both_databases

LOGO = "https://images.example/logo.png"


@pytest.fixture
def web(web: ClientWeb) -> ClientWeb:
    web.documents[LOGO] = ("image/png", PNG)
    return web


@pytest.fixture
def browser(provider: Provider) -> Browser:
    made = provider.browser()
    made.sign_in()
    return made


def address_of_logo(client: RelyingParty, browser: Browser) -> str:
    """Return the address of the picture on the consent page of a client."""
    page = client.authorize(browser)
    address: str = page.html.find("img", class_="logo")["src"]
    return address


def logo_of(client: RelyingParty, browser: Browser) -> TestResponse:
    return browser.get(address_of_logo(client, browser), expect_errors=True)


def test_the_logo_of_a_registered_client_is_served_here(
    provider: Provider, browser: Browser, web: ClientWeb
) -> None:
    client = provider.register(logo_uri=LOGO)
    address = address_of_logo(client, browser)
    assert address.startswith(f"{provider.issuer}/consent/logo?")
    assert web.fetched == [], "neither the registration nor the page fetches it"
    shown = browser.get(address)
    assert (shown.content_type, shown.body) == ("image/png", PNG)
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert shown.headers["Cache-Control"] == f"private, max-age={MAX_AGE}"


def test_the_logo_of_a_published_client_is_served_here(
    provider: Provider, browser: Browser, web: ClientWeb
) -> None:
    assert logo_of(publish(web, provider, logo_uri=LOGO), browser).body == PNG


@pytest.mark.parametrize(
    ("content", "media_type"),
    [(PNG, "image/png"), (JPEG, "image/jpeg"), (GIF, "image/gif"), (WEBP, "image/webp")],
    ids=["PNG", "JPEG", "GIF", "WebP"],
)
def test_the_content_decides_about_the_type(
    provider: Provider, browser: Browser, web: ClientWeb, content: bytes, media_type: str
) -> None:
    web.documents[LOGO] = ("text/html", content)
    shown = logo_of(provider.register(logo_uri=LOGO), browser)
    assert (shown.content_type, shown.body) == (media_type, content)


@pytest.mark.parametrize(
    "content",
    [SVG, b"<html><script>alert(1)</script>", b"RIFF\0\0\0\0WAVE", b""],
    ids=["SVG", "HTML", "sound", "nothing"],
)
def test_anything_but_a_picture_is_not_served(
    provider: Provider, browser: Browser, web: ClientWeb, content: bytes
) -> None:
    web.documents[LOGO] = ("image/png", content)
    shown = logo_of(provider.register(logo_uri=LOGO), browser)
    assert (shown.status_int, shown.body) == (404, b"")


def test_a_picture_is_fetched_once(
    provider: Provider, browser: Browser, web: ClientWeb, clock: Any
) -> None:
    client = provider.register(logo_uri=LOGO)
    for _ in range(3):
        assert logo_of(client, browser).status_int == 200
    assert web.fetched == [LOGO]
    clock.advance(MAX_AGE)
    browser.sign_in()
    assert logo_of(client, browser).status_int == 200
    assert web.fetched == [LOGO, LOGO]


def test_a_host_that_does_not_have_it_is_asked_again_later(
    provider: Provider, browser: Browser, web: ClientWeb, clock: Any
) -> None:
    web.statuses[LOGO] = 404
    client = provider.register(logo_uri=LOGO)
    for _ in range(2):
        assert logo_of(client, browser).status_int == 404
    assert web.fetched == [LOGO]
    del web.statuses[LOGO]
    clock.advance(FAILURE_AGE)
    assert logo_of(client, browser).status_int == 200


def test_a_changed_logo_has_another_address(
    provider: Provider, browser: Browser, web: ClientWeb
) -> None:
    client = provider.register(logo_uri=LOGO)
    before = address_of_logo(client, browser)
    with provider.database() as dbsession:
        row = dbsession.merge(client.client)
        row.client_metadata = {**row.client_metadata, "logo_uri": f"{LOGO}?2"}
    assert address_of_logo(client, browser) != before


def test_only_a_user_who_signed_in_makes_the_server_fetch(
    provider: Provider, browser: Browser, web: ClientWeb
) -> None:
    address = address_of_logo(provider.register(logo_uri=LOGO), browser)
    provider.browser().get(address, status=404)
    for query in ({}, {"client": "nobody"}, {"client": "\0"}, {"client": LOGO}):
        browser.get("/consent/logo", query, status=(400, 404))
    browser.get("/consent/logo", {"client": provider.register().client_id}, status=404)
    assert web.fetched == []


@pytest.mark.parametrize(
    "uri", ["https://10.0.0.1/logo.png", "https://[::ffff:127.0.0.1]/x", "http://images.example/x"]
)
def test_an_internal_address_is_not_registered_and_not_fetched(
    provider: Provider, browser: Browser, web: ClientWeb, uri: str
) -> None:
    with pytest.raises(InvalidClientMetadata) as problem:
        provider.register(logo_uri=uri)
    assert problem.value.field == "logo_uri"
    client = provider.register()
    with provider.database() as dbsession:
        row = dbsession.merge(client.client)
        row.client_metadata = {**row.client_metadata, "logo_uri": uri}
    assert client.authorize(browser).html.find("img", class_="logo") is None
    browser.get("/consent/logo", {"client": client.client_id}, status=404)
    assert web.fetched == []


def test_fetches_are_limited(make_provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    provider, web = make_provider(oauth__client_document_limit="2"), ClientWeb()
    web.stand_in(provider, monkeypatch)
    browser = provider.browser()
    browser.sign_in()
    statuses = []
    for number in range(3):
        uri = f"https://images{number}.example/logo"
        web.documents[uri] = ("image/png", PNG)
        statuses.append(logo_of(provider.register(logo_uri=uri), browser).status_int)
    assert statuses == [200, 200, 429]
    assert len(web.fetched) == 2


def test_a_limited_number_is_kept(provider: Provider, web: ClientWeb) -> None:
    pictures = provider.registry.oidc.remote_pictures
    urls = [f"{LOGO}?{number}" for number in range(MAX_PICTURES + 1)]
    for url in urls:
        web.documents[url] = ("image/png", PNG)
        assert pictures.fetch(url, OPERATOR).content == PNG
    assert pictures.known(urls[0]) is None
    assert pictures.known(urls[1]) is not None
