"""Documents that are the same for every request, from memory: discovery and the JWK Set."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyramid.response import Response
from pyramid.router import default_execution_policy

from oidcserver.http.cors import allow_any_origin
from oidcserver.types import Registry

#: Parts of a request that make its answer depend on more than the path.
_DETAILS = ("QUERY_STRING", "CONTENT_LENGTH", "HTTP_IF_NONE_MATCH", "HTTP_RANGE")


class PublicDocument(Response):
    """A document that every request gets, also scripts of other origins, until the keys change.

    :param max_age: seconds for which caches may keep it.
    """

    def __init__(self, body: bytes, content_type: str, max_age: int) -> None:
        super().__init__(body=body, content_type=content_type, charset=None)
        self.headers["Cache-Control"] = f"public, max-age={max_age}"
        allow_any_origin(self)


@dataclass(frozen=True, slots=True)
class _Kept:
    """The bytes of an answer, as a WSGI application (PEP 3333)."""

    etag: str
    headers: list[tuple[str, str]]
    body: bytes

    def __call__(self, environ: Any, start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", list(self.headers))
        return [self.body]


class PublishedDocuments:
    """Pyramid's execution policy for an application that is the provider alone.

    It answers with a public document from memory until the keys change: to make a request, and to
    pass the tweens and the router, takes most of the time of such an answer.
    """

    def __init__(self, registry: Registry) -> None:
        self._provider = registry.oidc.provider
        self._documents: dict[str, _Kept] = {}

    def __call__(self, environ: dict[str, Any], router: Any) -> Any:
        """Return the response to a request."""
        if environ["REQUEST_METHOD"] != "GET" or any(map(environ.get, _DETAILS)):
            return default_execution_policy(environ, router)
        path, etag = environ["PATH_INFO"], self._provider.keys.etag
        kept = self._documents.get(path)
        if kept is not None and kept.etag == etag:
            return kept
        response = default_execution_policy(environ, router)
        if isinstance(response, PublicDocument) and response.status_code == 200:
            self._documents[path] = _Kept(etag, response.headerlist, response.body)
        return response
