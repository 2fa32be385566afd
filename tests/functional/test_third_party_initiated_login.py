"""A user opens an application from the provider's pages (OpenID Connect Core section 4)."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import webtest
from support.app import Provider, RelyingParty

LOGIN = "https://client.example/login"


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(client_name="Shop & Sons", initiate_login_uri=LOGIN)


def links(page: webtest.TestResponse, host: str = "client.example") -> list[Any]:
    """The links of a page to an application."""
    return [link for link in page.html.find_all("a") if urlsplit(link["href"]).hostname == host]


@pytest.mark.parametrize("path", ["/account", "/"])
def test_an_application_is_opened_by_a_link_that_names_the_provider_and_nobody_else(
    provider: Provider, client: RelyingParty, path: str
) -> None:
    browser = provider.browser()
    client.login(browser)
    [link] = links(browser.get(path))
    assert link["href"] == f"{LOGIN}?iss=http%3A%2F%2Flocalhost%3A6543"
    assert link["rel"] == ["noreferrer"]
    assert "target" not in link.attrs


def test_the_login_that_it_starts_needs_no_password(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    client.login(browser)
    [link] = links(browser.get("/account"))
    [issuer] = parse_qs(urlsplit(link["href"]).query)["iss"]
    document = browser.get(f"{issuer}/.well-known/openid-configuration").json
    authorize = document["authorization_endpoint"]
    answer = client.answer(client.complete(browser.get(authorize, client.parameters()).follow()))
    assert client.exchange(answer["code"])["id_token"]


def test_a_query_of_the_application_is_kept(provider: Provider) -> None:
    client = provider.register(initiate_login_uri=f"{LOGIN}?tenant=a%26b")
    browser = provider.browser()
    client.login(browser)
    [link] = links(browser.get("/account"))
    query = parse_qs(urlsplit(link["href"]).query)
    assert query == {"tenant": ["a&b"], "iss": [provider.issuer]}


@pytest.mark.parametrize("path", ["/account", "/"])
def test_only_what_the_person_allowed_and_what_can_start_a_login_is_offered(
    provider: Provider, client: RelyingParty, path: str
) -> None:
    """Whoever registers an application does not thereby advertise it to everybody."""
    alice, bob = provider.browser(), provider.browser()
    client.login(alice)
    provider.register(client_uri="https://client.example/").login(alice)
    bob.sign_in("bob")
    assert len(links(alice.get(path))) == 1
    assert links(bob.get(path)) == []
    assert links(provider.browser().get("/")) == []


def test_a_name_is_inert_and_the_host_is_shown(provider: Provider) -> None:
    markup = "<script>alert(1)</script>"
    client = provider.register(client_name=markup, initiate_login_uri=LOGIN)
    browser = provider.browser()
    client.login(browser)
    page = browser.get("/")
    assert "<script" not in page
    assert markup in page.html.get_text()
    assert "client.example" in page.html.get_text()


def test_what_was_withdrawn_is_offered_no_more(provider: Provider, client: RelyingParty) -> None:
    browser = provider.browser()
    client.login(browser)
    forms = browser.get("/account").forms.values()
    asked = next(form for form in forms if form.action.endswith("/applications")).submit("client")
    asked.forms["confirm"].submit("client")
    assert links(browser.get("/account")) == []
    assert links(browser.get("/")) == []
