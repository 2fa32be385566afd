"""The URLs that may be a client_id: one spelling of an https URL with a path."""

from typing import Any

import pytest

from oidcserver.clients.document_urls import document_url_problem, is_document_url

SETTINGS = {
    "oauth.client_id_metadata_documents": True,
    "oauth.client_document_hosts": (),
}


@pytest.fixture
def provider(make_selection: Any) -> Any:
    made = make_selection()
    made.settings.update(SETTINGS)
    return made


@pytest.mark.parametrize(
    "url",
    [
        "https://client.example/client.json",
        "https://client.example/",
        "https://client.example:8443/a/b/c?version=1",
        "https://client.example/a..b/...",
        "https://xn--bcher-kva.example/client",
        "https://client.example/" + "x" * 232,
    ],
)
def test_a_document_is_at_an_https_url_with_a_path(provider: Any, url: str) -> None:
    assert is_document_url(provider, url)
    assert document_url_problem(provider, url) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://client.example",
        "https://client.example?a=b",
        "https://client.example/a#b",
        "https://client.example/a#",
        "https://user@client.example/a",
        "https://user:password@client.example/a",
        "https://client.example/a/../b",
        "https://client.example/./b",
        "https://client.example/a/..",
        "https://client.example/a/%2e%2E/b",
        "https://client.example/a/.%2e",
        "https://client.example/a%2f..%2fb",
        "https://client.example/a%5c..%5cb",
        "https://client.example/a\\b",
        "https://client.example/a b",
        "https://client.example/a\nb",
        "https://client.example/a%00b",
        "https://client.example/a%0ab",
        "https://client.example/\u00fc",
        "https://client.example/" + "x" * 233,
        "https://client.example:22/a",
        "https://client.example:99999/a",
        "https:///a",
        "https://2130706433/a",
        "https://[::1/a",
        "https://\u0441lient.example/a",
    ],
)
def test_no_other_url_is_fetched(provider: Any, url: str) -> None:
    assert document_url_problem(provider, url) is not None


@pytest.mark.parametrize(
    "client_id", ["client", "http://client.example/a", "HTTPS://client.example/a", "urn:client", ""]
)
def test_every_other_client_id_is_none_of_them(provider: Any, client_id: str) -> None:
    assert not is_document_url(provider, client_id)


def test_nothing_is_a_document_unless_it_is_selected(provider: Any) -> None:
    provider.settings["oauth.client_id_metadata_documents"] = False
    assert not is_document_url(provider, "https://client.example/a")


def test_http_is_for_this_machine_in_development(make_selection: Any) -> None:
    provider = make_selection("development")
    provider.settings.update(SETTINGS)
    assert is_document_url(provider, "http://127.0.0.1:8000/client.json")
    assert document_url_problem(provider, "http://127.0.0.1:8000/client.json") is None


@pytest.mark.parametrize(
    ("host", "accepted"),
    [
        ("client.example", True),
        ("CLIENT.example", True),
        ("a.apps.example", True),
        ("a.b.apps.example", True),
        ("apps.example", False),
        ("sub.client.example", False),
        ("client.example.evil.example", False),
        ("evilapps.example", False),
    ],
)
def test_an_operator_may_name_the_hosts(provider: Any, host: str, accepted: bool) -> None:
    provider.settings["oauth.client_document_hosts"] = ("client.example", ".Apps.example")
    problem = document_url_problem(provider, f"https://{host}/client.json")
    assert (problem is None) is accepted
