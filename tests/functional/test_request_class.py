"""Requests are of one class, made at the start, that has all which the concerns added."""

from typing import Any

from pyramid.events import NewRequest
from pyramid.interfaces import IRequestFactory
from support.app import Provider


def test_what_concerns_added_is_there_and_the_class_is_the_same_for_every_request(
    provider: Provider,
) -> None:
    factory = provider.registry.getUtility(IRequestFactory)
    seen: list[Any] = []

    def note(event: NewRequest) -> None:
        seen.append(type(event.request))

    provider.registry.registerHandler(note, (NewRequest,))
    browser = provider.browser()
    browser.get("/")
    browser.get("/login")
    assert set(seen) == {factory}
    assert hasattr(factory, "oidc")


def test_a_plugin_may_bring_a_class_of_its_own(make_provider: Any) -> None:
    provider = make_provider(oidcserver__includes="support.request_plugin")
    assert provider.browser().get("/").status_int == 200
    factory = provider.registry.getUtility(IRequestFactory)
    assert factory.of_the_plugin
    assert hasattr(factory, "oidc")
