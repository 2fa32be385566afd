"""Requests to the configured provider, from a limited number of threads at once."""

import json
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import urllib3

from oidcserver.http.outbound import OutboundFetchError
from oidcserver.types import FetchResult

TIMEOUT = 5.0
#: Seconds without requests after the provider did not answer in time.
PAUSE = 2 * TIMEOUT
#: Seconds to wait for a place. While the provider answers, places are free much sooner.
PATIENCE = 0.25
MAX_BYTES = 65536


class ValidatorUnavailable(Exception):
    """The provider does not answer; the token may be valid."""


class RemoteProvider:
    """The connections to a provider.

    :param places: how many threads may wait for the provider at once. After a timeout, no thread
        waits for :data:`PAUSE` seconds.
    :param ca_bundle: a PEM file of certificate authorities instead of the system's.
    """

    def __init__(self, places: int, ca_bundle: Path | None = None) -> None:
        self._pool = urllib3.PoolManager(
            ssl_context=ssl.create_default_context(cafile=ca_bundle),
            timeout=urllib3.Timeout(total=TIMEOUT, connect=TIMEOUT / 2),
            retries=False,
            maxsize=places,
        )
        self._places = threading.BoundedSemaphore(places)
        self._paused_until = -1e9  # by the monotonic clock

    def fetch(self, method: str, url: str, **options: Any) -> tuple[int, dict[str, Any]]:
        """Return status and JSON object of an answer.

        :param options: for urllib3's ``request``.
        :raises ValidatorUnavailable: if there is no answer, or if it is not a JSON object.
        """
        status, body = self.fetch_bytes(method, url, **options)
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise ValidatorUnavailable("the answer is not JSON") from None
        if not isinstance(document, dict):
            raise ValidatorUnavailable("the answer is not a JSON object")
        return status, document

    def fetch_bytes(self, method: str, url: str, **options: Any) -> tuple[int, bytes]:
        """Return status and body of an answer.

        :raises ValidatorUnavailable: if there is no answer, or if it is too large.
        """
        self._check_pause()
        if not self._places.acquire(timeout=PATIENCE):
            raise ValidatorUnavailable("too many requests wait for the provider")
        try:
            self._check_pause()  # other threads may have timed out meanwhile
            response = self._pool.request(
                method, url, redirect=False, preload_content=False, **options
            )
            body = _read(response)
        except urllib3.exceptions.TimeoutError as problem:
            self._paused_until = time.monotonic() + PAUSE
            raise ValidatorUnavailable(str(problem)) from None
        except urllib3.exceptions.SSLError as problem:
            raise ValidatorUnavailable(
                f"{problem}. oauth_resource.ca_bundle can name the authorities that are trusted"
            ) from None
        except urllib3.exceptions.HTTPError as problem:
            raise ValidatorUnavailable(str(problem)) from None
        finally:
            self._places.release()
        if len(body) > MAX_BYTES:
            raise ValidatorUnavailable(f"the answer is larger than {MAX_BYTES} bytes")
        return response.status, body

    def _check_pause(self) -> None:
        if time.monotonic() < self._paused_until:
            raise ValidatorUnavailable("the provider did not answer a moment ago")


def _read(response: urllib3.BaseHTTPResponse) -> bytes:
    """Return the body, or its beginning if it is too large.

    The timeout of the pool is that of one wait, and a body may come a byte at a time.

    :raises urllib3.exceptions.TimeoutError: if the body is not there in time.
    """
    deadline, body = time.monotonic() + TIMEOUT, b""
    while len(body) <= MAX_BYTES:
        part = response.read1(MAX_BYTES + 1)
        if not part:
            response.release_conn()
            return body
        body += part
        if time.monotonic() > deadline:
            response.close()
            raise urllib3.exceptions.TimeoutError("the answer comes too slowly")
    response.close()
    return body


class PublishedKeys:
    """Fetches the provider's JWK Set, for :class:`~oidcserver.http.jwks_cache.RemoteJWKS`.

    :param jwks_uri: empty to read it from the discovery document.
    """

    timeout = TIMEOUT

    def __init__(self, provider: RemoteProvider, issuer: str, jwks_uri: str) -> None:
        self._provider = provider
        self._issuer = issuer
        self._jwks_uri = jwks_uri

    def get(self, url: str, accept: str, max_bytes: int | None = None) -> FetchResult:
        """Return the JWK Set of the issuer.

        :param url: not used: the constructor knows the address.

        :raises OutboundFetchError: if there is no answer.
        """
        try:
            if not self._jwks_uri:
                discovery = f"{self._issuer}/.well-known/openid-configuration"
                self._jwks_uri = str(self._provider.fetch("GET", discovery)[1].get("jwks_uri", ""))
            status, body = self._provider.fetch_bytes(
                "GET", self._jwks_uri, headers={"Accept": accept}
            )
        except ValidatorUnavailable as problem:
            raise OutboundFetchError(str(problem)) from None
        return FetchResult(status, "", body)
