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
        #: The fields of an answer, by URL.
        self.headers: dict[str, dict[str, str]] = {}
        #: The status of an answer that is not 200, by URL.
        self.statuses: dict[str, int] = {}
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

    def get(self, url: str, accept: str, max_bytes: int | None = None) -> FetchResult:
        """Return the document at a URL."""
        self.fetched.append(url)
        if url not in self.documents:
            raise OutboundFetchError("The URL's host has no address.")
        content_type, body = self.documents[url]
        if max_bytes is not None and len(body) > max_bytes:
            raise OutboundFetchError(f"The host's answer is larger than {max_bytes} bytes.")
        return FetchResult(
            self.statuses.get(url, 200), content_type, body, self.headers.get(url, {})
        )

    def post_form(self, url: str, data: Mapping[str, str]) -> FetchResult:
        """Take a form."""
        self.posted.append((url, dict(data)))
        return FetchResult(200, "text/plain", b"")

    def check(self, url: str) -> None:
        """Every URL is at an address that may be fetched from."""
