"""Documents that are alike for everybody, from memory: discovery and the JWK Set."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyramid.registry import Registry
from pyramid.router import default_execution_policy

#: What makes an answer depend on more than the path.
_DETAILS = ("QUERY_STRING", "CONTENT_LENGTH", "HTTP_IF_NONE_MATCH", "HTTP_RANGE")


@dataclass(frozen=True, slots=True)
class _Document:
    """An answer as it was given, and gives itself again (PEP 3333)."""

    etag: str
    headers: list[tuple[str, str]]
    body: bytes

    def __call__(self, environ: Any, start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", list(self.headers))
        return [self.body]


class PublishedDocuments:
    """Pyramid's execution policy for an application that is the provider and nothing else.

    An answer that says ``public`` is given again without the tweens and the router, which take
    most of its time, until the keys change.
    """

    def __init__(self, registry: Registry) -> None:
        self._provider = registry.provider
        self._documents: dict[str, _Document] = {}

    def __call__(self, environ: dict[str, Any], router: Any) -> Any:
        """Return what answers the request."""
        if environ["REQUEST_METHOD"] != "GET" or any(map(environ.get, _DETAILS)):
            return default_execution_policy(environ, router)
        path, etag = environ["PATH_INFO"], self._provider.keys.etag
        document = self._documents.get(path)
        if document is not None and document.etag == etag:
            return document
        response = default_execution_policy(environ, router)
        if response.status_code == 200 and _is_public(response.headers):
            self._documents[path] = _Document(etag, response.headerlist, response.body)
        return response


def _is_public(headers: Any) -> bool:
    return headers.get("Cache-Control", "").startswith("public") and "Vary" not in headers
