"""The forms of every page are checked, whoever wrote its view."""

from typing import Any

import pytest
from pyramid.response import Response
from support.app import Provider


def note(request: Any) -> Response:
    """Note what a form says."""
    return Response("noted")


def includeme(config: Any) -> None:
    """Offer two pages, as a plugin would, of which one lets views without a route answer."""

    def register(config: Any) -> None:
        config.add_route("own", "/own")
        config.add_view(note, route_name="own")
        config.add_route("shared", "/shared", use_global_views=True)

    config.add_oauth_page("notes", register)
    config.add_route("elsewhere", "/elsewhere")
    config.add_view(note, route_name="elsewhere")
    config.add_view(note)


@pytest.fixture
def noting(make_provider: Any) -> Provider:
    """A provider with the plugin's pages."""
    provider: Provider = make_provider(
        oidcserver__includes=__name__, oidc__pages="home login consent logout notes"
    )
    return provider


@pytest.mark.parametrize("path", ["/own", "/shared"])
def test_a_form_without_its_token_is_refused(noting: Provider, path: str) -> None:
    browser = noting.browser()
    assert "noted" in browser.get(path)
    assert "noted" not in browser.post(path, {"text": "x"}, status=403)
    token = browser.get("/login").forms["login"]["csrf_token"].value
    assert "noted" in browser.post(path, {"text": "x", "csrf_token": token})
    foreign = {"Origin": "https://evil.example"}
    browser.post(path, {"text": "x", "csrf_token": token}, headers=foreign, status=403)


def test_a_route_that_is_no_page_is_the_business_of_its_own_view(noting: Provider) -> None:
    assert "noted" in noting.browser().post("/elsewhere", {"text": "x"})
