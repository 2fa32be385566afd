"""Health: whether this process can serve, for a load balancer."""

from pyramid.response import Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from oidcserver.types import Configurator, Request

RETRY_SECONDS = 5


def health(request: Request) -> Response:
    """Answer 200 if the database answers, else 503."""
    engine = request.registry.oidc.database.engine
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return _answer(503, "the database does not answer", ("Retry-After", str(RETRY_SECONDS)))
    return _answer(200, "ok")


def _answer(status: int, sentence: str, *headers: tuple[str, str]) -> Response:
    response = Response(json_body={"status": sentence}, status=status)
    response.headers.extend([("Cache-Control", "no-store"), *headers])
    return response


def includeme(config: Configurator) -> None:
    """Offer the endpoint; it is not a protocol's, so no metadata names it."""
    config.add_oauth_endpoint(
        "health", "/health", health, methods=("GET",), transaction=False, metadata_field=None
    )
