"""The documents of a relying party on the Web, for the provider's outbound fetches."""

from collections.abc import Mapping
from typing import Any

import pytest

from oidcserver.http.outbound import OutboundFetchError
from oidcserver.types import FetchResult


class ClientWeb:
    """Documents by URL. What was fetched and what was posted is remembered in its order."""

    def __init__(self) -> None:
        self.documents: dict[str, tuple[str, bytes]] = {}
        self.fetched: list[str] = []
        self.posted: list[tuple[str, dict[str, str]]] = []

    def stand_in(self, provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Be the whole Web for a provider, for the time of a test."""
        deliverer = getattr(provider.registry.oidc, "logout_deliverer", None)
        fetchers = [
            provider.registry.oidc.outbound_fetcher,
            *([deliverer.fetcher] if deliverer else []),
        ]
        for fetcher in fetchers:
            for name in ("get", "post_form", "check"):
                monkeypatch.setattr(fetcher, name, getattr(self, name))

    def get(self, url: str, accept: str) -> FetchResult:
        """Return the document at a URL."""
        self.fetched.append(url)
        if url not in self.documents:
            raise OutboundFetchError("The URL's host has no address.")
        content_type, body = self.documents[url]
        return FetchResult(200, content_type, body)

    def post_form(self, url: str, data: Mapping[str, str]) -> FetchResult:
        """Take a form."""
        self.posted.append((url, dict(data)))
        return FetchResult(200, "text/plain", b"")

    def check(self, url: str) -> None:
        """Every URL is at an address that may be fetched from."""
