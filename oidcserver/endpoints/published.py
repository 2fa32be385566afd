"""Documents that are alike for everybody, from memory: discovery and the JWK Set."""

from collections.abc import Callable

from pyramid.response import Response
from pyramid.tweens import INGRESS

from oidcserver.http.cors import allow_any_origin
from oidcserver.types import Configurator, Registry, Request

#: What makes an answer depend on more than the path.
_DETAILS = ("QUERY_STRING", "CONTENT_LENGTH", "HTTP_IF_NONE_MATCH", "HTTP_RANGE")


class PublicDocument(Response):
    """An answer that is alike for everybody, scripts in browsers too, until the keys change.

    :param max_age: seconds for which caches may keep it.
    """

    def __init__(self, body: bytes, content_type: str, max_age: int) -> None:
        super().__init__(body=body, content_type=content_type, charset=None)
        self.headers["Cache-Control"] = f"public, max-age={max_age}"
        allow_any_origin(self)


def published_tween_factory(
    handler: Callable[[Request], Response], registry: Registry
) -> Callable[[Request], Response]:
    """Return the tween that answers with public documents, until the keys change.

    It is for an application that is the provider and nothing else, the outermost of its tweens: the
    others and the router take most of the time of such an answer.
    """
    provider = registry.oidc.provider
    documents: dict[str, tuple[str, Response]] = {}

    def tween(request: Request) -> Response:
        environ = request.environ
        if environ["REQUEST_METHOD"] != "GET" or any(map(environ.get, _DETAILS)):
            return handler(request)
        path, etag = environ["PATH_INFO"], provider.keys.etag
        kept = documents.get(path)
        if kept is not None and kept[0] == etag:
            return kept[1].copy()
        response = handler(request)
        if isinstance(response, PublicDocument) and response.status_code == 200:
            documents[path] = (
                etag,
                Response(headerlist=list(response.headerlist), app_iter=[response.body]),
            )
        return response

    return tween


def answer_from_memory(config: Configurator) -> None:
    """Add the tween."""
    config.add_tween(
        "oidcserver.endpoints.published.published_tween_factory",
        under=INGRESS,
        over="oidcserver.http.cors.cors_tween_factory",
    )
